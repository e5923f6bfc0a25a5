import { Secret, TOTP } from 'otpauth'
import { addUser } from '../../src/access/keep-users.ts'
import { openIdentity } from '../../src/access/open-identity.ts'
import { useLink } from '../../src/access/password-link.ts'
import { needsSecondFactor, type Role } from '../../src/access/permission-rules.ts'
import { operator } from '../../src/platform/values/actor.ts'
import type { Answer, TestApi } from './api-client.ts'

export const password = 'correct horse battery'

/** A visitor who signs in: keeps cookies and the token against forged requests, as a page in a browser does. */
export interface Visitor {
  readonly cookies: Map<string, string>
  csrfToken: string | undefined
  ask<Body>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>
  /** Gives e-mail and password, and a code where there is a second factor; throws when that is refused. */
  signIn(email: string): Promise<void>
  /** Enrols a second factor, and gives its backup codes. */
  enrol(): Promise<string[]>
  /** A code of the second factor that was not given before. */
  code(): string
}

export function visit(api: Pick<TestApi, 'url'>): Visitor {
  let totp: TOTP | undefined
  const given = new Set<string>()
  const visitor: Visitor = {
    cookies: new Map(),
    csrfToken: undefined,
    async ask<Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(`${api.url}${path}`, {
        method,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(cookie && { cookie }),
          ...(visitor.csrfToken !== undefined && { 'x-csrf-token': visitor.csrfToken }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      for (const set of response.headers.getSetCookie()) {
        const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(set) ?? []
        if (/max-age=0/i.test(attributes)) visitor.cookies.delete(name)
        else visitor.cookies.set(name, value)
      }
      const type = response.headers.get('content-type') ?? ''
      const text = type === 'text/event-stream' ? await readEvent(response) : await response.text()
      const isJson = /json/.test(type)
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: (isJson ? JSON.parse(text) : undefined) as Body,
      }
    },
    async signIn(email) {
      const { status, text, body } = await visitor.ask<{ secondFactorNeeded: boolean }>(
        'POST',
        '/api/session',
        {
          email,
          password,
        },
      )
      if (status !== 200) throw new Error(text)
      if (body.secondFactorNeeded) await visitor.ask('POST', '/api/session/code', { code: visitor.code() })
      await readToken()
    },
    async enrol() {
      const { status, text, body } = await visitor.ask<{ totpUri: string; backupCodes: string[] }>(
        'POST',
        '/api/session/second-factor',
        {
          password,
        },
      )
      if (status !== 200) throw new Error(text)
      const secret = new URL(body.totpUri).searchParams.get('secret') as string
      totp = new TOTP({ secret: Secret.fromBase32(secret) })
      const confirmed = await visitor.ask('POST', '/api/session/second-factor/code', { code: visitor.code() })
      if (confirmed.status !== 200) throw new Error(confirmed.text)
      await readToken()
      return body.backupCodes
    },
    code() {
      if (!totp) return ''
      // A code is good once. The server takes those of the half minutes before and after, too.
      const step = totp.counter()
      const code = [step, step + 1, step - 1]
        .map((counter) => (totp as TOTP).generate({ timestamp: counter * 30_000 }))
        .find((one) => !given.has(one))
      if (code === undefined) throw new Error('Every code of this minute was given.')
      given.add(code)
      return code
    },
  }
  const readToken = async () => {
    const { body } = await visitor.ask<{ csrfToken: string }>('GET', '/api/session')
    visitor.csrfToken = body.csrfToken
  }
  return visitor
}

/** The token of a link to set a password. */
export function tokenIn(link: string): string {
  return new URL(link).hash.slice(1)
}

/** A user with the password of the tests. */
export async function register(
  api: TestApi,
  user: { email: string; role: Role; agentId?: string },
): Promise<string> {
  const actor = operator('test')
  const { email, role, agentId = null } = user
  const { user: added, link } = await addUser(api.app, { name: role, email, role, agentId, actor })
  const identity = await openIdentity({ ...api.app.config, db: api.db })
  await useLink({ ...api.app, identity }, { token: tokenIn(link), newPassword: password, actor })
  return added.userId
}

/** A user who is signed in and may do what the role may. */
export async function signedIn(api: TestApi, role: Role, agentId?: string): Promise<Visitor> {
  const email = `${role}-${crypto.randomUUID().slice(0, 8)}@example.org`
  await register(api, { email, role, ...(agentId !== undefined && { agentId }) })
  const visitor = visit(api)
  await visitor.signIn(email)
  if (needsSecondFactor(role)) await visitor.enrol()
  return visitor
}

/** The first event of a stream, as text; the rest is not waited for. */
async function readEvent(response: Response): Promise<string> {
  let text = ''
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part
    if (text.includes('\n\n')) break
  }
  return text
}
