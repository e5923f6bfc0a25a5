interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html?: string
  /** The same for every attempt: the message's id is made from it. */
  readonly id?: string
}

/** Resolves, to the id of the message, once the mail server has taken it. */
export type SendMail = (mail: Mail) => Promise<string>

export interface Mailer {
  readonly send: SendMail
  close(): Promise<void>
}

/**
 * @param options.url `smtp://user:password@host:587`, `smtps:` for TLS from the start
 * @param options.from as whom, e.g. `Almoner <fund@example.org>`
 */
export function createMailer(options: { readonly url: string; readonly from: string }): Mailer {
  // Loaded with the first letter: most processes send none.
  const opening = async () =>
    (await import('nodemailer')).createTransport(
      {
        url: options.url,
        // A few connections are kept, for letters that come by the thousand.
        pool: true,
        // A server that hangs is given up well before somebody else takes the letter for undone.
        connectionTimeout: 10_000,
        greetingTimeout: 15_000,
        socketTimeout: 30_000,
        disableFileAccess: true,
        disableUrlAccess: true,
      },
      { from: options.from },
    )
  let transport: ReturnType<typeof opening> | undefined
  const host = /@([^\s>]+)/.exec(options.from)?.[1] ?? 'localhost'
  return {
    async send({ id, ...mail }) {
      transport ??= opening()
      const { messageId } = await (await transport).sendMail({
        ...mail,
        ...(id !== undefined && { messageId: `<${id}@${host}>` }),
      })
      return messageId
    },
    async close() {
      if (transport) (await transport).close()
    },
  }
}

/** Whether the mail server has refused the letter for good: the recipient, or what is written. */
export function isRefusal(error: unknown): boolean {
  const { code, responseCode } = error as { code?: string; responseCode?: number }
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && (responseCode ?? 0) >= 500
}
