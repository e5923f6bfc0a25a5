import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export interface MailServer {
  readonly port: number
  /** Every letter it has taken, as it came. */
  readonly received: readonly { readonly to: string; readonly source: string }[]
  /** From now on the rule says with which code a recipient is refused; undefined: not at all. */
  refuse(rule: (address: string) => number | undefined): void
  close(): Promise<void>
}

/** A mail server that keeps what it is given. */
export async function openMailServer(): Promise<MailServer> {
  const received: { to: string; source: string }[] = []
  let codeFor: (address: string) => number | undefined = () => undefined
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, callback) {
      const responseCode = codeFor(address)
      callback(responseCode === undefined ? null : Object.assign(new Error('No such box.'), { responseCode }))
    },
    onData(stream, session, callback) {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        const source = Buffer.concat(parts).toString()
        for (const { address } of session.envelope.rcptTo) received.push({ to: address, source })
        callback()
      })
    },
  })
  // A sender that is killed while sending breaks the connection.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    refuse(rule) {
      codeFor = rule
    },
    close: () => new Promise<void>((resolve) => server.close(resolve)),
  }
}
