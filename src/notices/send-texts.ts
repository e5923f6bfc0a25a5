import type { PersonalChannel } from '../fund/fund-rules.ts'

/** For connecting, sending and the answer together. */
const timeoutMs = 30_000

/** The gateway will never accept the message: it is not tried again. */
export class TextRefusedError extends Error {
  override readonly name = 'TextRefusedError'
}

/**
 * The driver for SMS and WhatsApp: hands each message to a gateway as a POST of `{ id, channel, to, text }`. `id` is the same
 * over all attempts; a gateway that keeps it sends each message once. Any 2xx means that the gateway has taken the message,
 * and a 4xx, but for 408 and 429, that it never will.
 *
 * @param url `https://user:password@host/path`; name and password go as Basic authentication
 * @returns what sends one; it resolves once the gateway has taken it
 * @throws TextRefusedError; Error when it may be tried again
 */
export function createTexter(
  channel: Exclude<PersonalChannel, 'email'>,
  url: string,
): (message: { id: string; to: string; text: string }) => Promise<void> {
  const gateway = new URL(url)
  const { username, password } = gateway
  gateway.username = ''
  gateway.password = ''
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const headers = {
    'content-type': 'application/json',
    ...(username !== '' && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
  }
  return async ({ id, to, text }) => {
    const answer = await fetch(gateway, {
      method: 'POST',
      headers,
      // A number in the register may have spaces and brackets.
      body: JSON.stringify({ id, channel, to: to.replace(/[^0-9+]/g, ''), text }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: Error) => {
      throw new Error(
        `The gateway does not answer: ${error.cause instanceof Error ? error.cause.message : error.message}`,
      )
    })
    // The rest of the answer is not read.
    await answer.body?.cancel()
    const { status } = answer
    if (answer.ok) return
    const sentence = `The gateway answered ${status}.`
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      throw new TextRefusedError(sentence)
    throw new Error(sentence)
  }
}
