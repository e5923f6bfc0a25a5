/** Where a broker is, out of a URL that may name several of its hosts: `amqp://user:password@one,two:5673/vhost`. */
export interface BrokerUrl {
  /** Without the colon. */
  readonly scheme: string
  readonly username?: string
  readonly password?: string
  /** At least one, as written. */
  readonly hosts: readonly { readonly host: string; readonly port?: number }[]
  /** Without the leading slash; undefined when there is none. */
  readonly path?: string
  readonly query: URLSearchParams
}

/** @throws Error a sentence that does not repeat the URL, because it may hold a password */
export function parseBrokerUrl(text: string): BrokerUrl {
  const parts = /^([a-z]+):\/\/(?:([^@/?]*)@)?([^/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(text)
  if (parts === null) throw new Error('The address of the queue is not a URL such as redis://host:6379.')
  const [, scheme = '', login, hosts = '', path, query] = parts
  const [username, password] = (login ?? '').split(/:(.*)/s).map(decode)
  return {
    scheme,
    ...(username && { username }),
    ...(password !== undefined && { password }),
    hosts: hosts.split(',').map(parseHost),
    ...(path && { path: decode(path) }),
    query: new URLSearchParams(query),
  }
}

/** The URL as it may be logged: without the login. */
export function describeBroker(text: string): string {
  return text.replace(/\/\/[^@/]*@/, '//').replace(/\?.*$/s, '')
}

function parseHost(text: string): { host: string; port?: number } {
  // A scheme without a default port, so that the parser removes no port.
  const url = URL.canParse(`broker://${text}`) ? new URL(`broker://${text}`) : undefined
  if (url === undefined || url.hostname === '' || url.host !== text.toLowerCase()) {
    throw new Error(
      `"${text}" in the address of the queue is not a host such as queue.example or queue.example:6379.`,
    )
  }
  return { host: url.hostname, ...(url.port !== '' && { port: Number(url.port) }) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error(
      'A % in the address of the queue is not followed by two hexadecimal digits; write it as %25.',
    )
  }
}
