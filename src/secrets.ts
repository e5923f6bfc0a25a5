/** Something like an API key, wherever it stands in a text. */
export const keyPattern = /alm_[A-Za-z0-9_-]{20,}/g

/** The text with every key in it made unrecognisable: for logs and for answers. */
export function withoutKeys(text: string): string {
  return text.replaceAll(keyPattern, 'alm_…')
}
