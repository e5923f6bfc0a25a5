/** A text that looks like an API key. */
export const keyPattern = /alm_[A-Za-z0-9_-]{20,}/g

/** The text with every key in it hidden, for logs and answers. */
export function withoutKeys(text: string): string {
  return text.replaceAll(keyPattern, 'alm_…')
}

const loginPattern = /\/\/[^\s"@/\\]+@/g
/** The query of a URL: it may hold names or tokens. */
const queryPattern = /(https?:\/\/[^\s"'<>\\?]*\?)[^\s"'<>\\]+/g
/** Neither a path of a scoped package nor what is left of a login in a URL. */
const emailPattern = /[^\s"'<>\\(),:;=/[\]…]+(?:@|%40)[^\s"'<>\\(),:;=/[\]]+/gi
/** As telephone numbers are kept: digits after a plus. */
const phonePattern = /(?:\+|%2B)\d{7,15}\b/gi

/** The text without keys, logins and queries in URLs, e-mail addresses and telephone numbers: for logs. */
export function withoutSecrets(text: string): string {
  return withoutKeys(text)
    .replaceAll(loginPattern, '//…@')
    .replaceAll(queryPattern, '$1…')
    .replaceAll(emailPattern, '…@…')
    .replaceAll(phonePattern, '+…')
}
