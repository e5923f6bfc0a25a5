import http from 'node:http'
import https from 'node:https'
import { useAgent } from 'request-filtering-agent'

/** For connecting, sending and the answer together. */
const timeoutMs = 10_000

/**
 * Posts to an address that somebody else has given: never to one of a private, local or otherwise special network, as which
 * name it may come; the address that is connected to is the one that is looked at. Redirects are not followed, and of the
 * answer only the status is read.
 *
 * @param allowedAddresses IP addresses that are reached all the same
 * @returns the HTTP status
 * @throws Error when nothing answers in time, or the address is refused
 */
export function postWebhook(
  url: string,
  headers: Record<string, string>,
  body: string,
  allowedAddresses: readonly string[],
): Promise<number> {
  const { request } = url.startsWith('https:') ? https : http
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method: 'POST',
      agent: useAgent(url, { allowIPAddressList: [...allowedAddresses] }),
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(timeoutMs),
    })
    asked.once('response', (answer) => {
      // The rest of the answer, which may be endless, is not read.
      answer.destroy()
      resolve(answer.statusCode ?? 0)
    })
    asked.once('error', (error) =>
      reject(
        error.name === 'AbortError' || error.name === 'TimeoutError'
          ? new Error(`No answer within ${timeoutMs / 1000} s.`, { cause: error })
          : error,
      ),
    )
    asked.end(body)
  })
}
