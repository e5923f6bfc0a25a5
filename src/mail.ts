interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** Resolves once the mail server has taken it. */
export type SendMail = (mail: Mail) => Promise<void>

/**
 * @param options.url `smtp://user:password@host:587`, `smtps:` for TLS from the start
 * @param options.from as whom, e.g. `Almoner <fund@example.org>`
 */
export function createMailer(options: { readonly url: string; readonly from: string }): SendMail {
  // Loaded with the first letter: most processes send none.
  const opening = async () =>
    (await import('nodemailer')).createTransport(options.url, { from: options.from })
  let transport: ReturnType<typeof opening> | undefined
  return async (mail) => {
    transport ??= opening()
    await (await transport).sendMail(mail)
  }
}
