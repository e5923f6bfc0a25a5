import type { IncomingHttpHeaders } from 'node:http'
import { type BetterAuthPlugin, betterAuth } from 'better-auth'
import { APIError, createAuthEndpoint, getSessionFromCtx } from 'better-auth/api'
import { fromNodeHeaders } from 'better-auth/node'
import { twoFactor } from 'better-auth/plugins'
import type { KyselyPlugin, UnknownRow } from 'kysely'
import type { Db } from '../platform/database/connect.ts'
import { DomainError, type RefusalCode } from '../platform/values/errors.ts'
import { findUser } from './access-sql.ts'

/** Shorter ones can be guessed; longer ones only cost the server time. */
const passwordLength = { min: 12, max: 128 }

/** A session ends after this time without a request. */
const idleSeconds = 8 * 3600

/** The part of a request that shows who makes it. */
export interface Visit {
  readonly headers: IncomingHttpHeaders
  readonly address: string
}

/** The answer of a step, and its cookies. */
export interface Step<Result> {
  readonly result: Result
  readonly cookies: readonly string[]
}

export interface LiveSession {
  readonly sessionId: string
  readonly token: string
  readonly userId: string
  /** When a code of the second factor was given in this session; null: the password alone opened it. */
  readonly secondFactorAt: Date | null
  /** When password and code were last given in this session. */
  readonly confirmedAt: Date | null
}

export type Identity = ReturnType<typeof createIdentity>

/**
 * Passwords, sessions, second factors and links to set a password: better-auth, in our database and our words. Its own
 * HTTP routes are not served, so nothing of it can be asked for but what stands here.
 *
 * @param options.publicUrl where browsers find this server; its cookies are Secure when that is https
 */
export function createIdentity(options: {
  readonly db: Db
  readonly secret: string
  readonly publicUrl: string
}) {
  const { db, secret, publicUrl } = options
  const auth = betterAuth({
    appName: 'Almoner',
    baseURL: publicUrl,
    secret,
    database: { db: db.withPlugin(instantsAsDates), type: 'postgres' },
    telemetry: { enabled: false },
    // Its messages are in the audit trail or in an error.
    logger: { disabled: true },
    // Users are added by us; it only has to know that there is this column.
    user: {
      modelName: 'users',
      additionalFields: { role: { type: 'string', required: true, input: false } },
    },
    session: {
      modelName: 'sessions',
      expiresIn: idleSeconds,
      updateAge: 300,
      additionalFields: {
        secondFactorAt: { type: 'date', required: false, input: false },
        confirmedAt: { type: 'date', required: false, input: false },
      },
    },
    account: { modelName: 'accounts' },
    verification: { modelName: 'verifications', storeIdentifier: 'hashed' },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: passwordLength.min,
      maxPasswordLength: passwordLength.max,
      revokeSessionsOnPasswordReset: true,
    },
    databaseHooks: {
      session: {
        create: {
          before: async (session, context) => {
            const user = await findUser(db, { userId: session.userId })
            if (user?.disabledAt !== null) return false
            // How a session was opened belongs to the session: it stays the same, whatever its user enrols elsewhere.
            const now = new Date()
            const isByCode = context?.path?.startsWith('/two-factor/verify-') === true
            return { data: { confirmedAt: now, secondFactorAt: isByCode ? now : null } }
          },
        },
      },
    },
    advanced: {
      cookiePrefix: 'almoner',
      defaultCookieAttributes: { httpOnly: true, sameSite: 'strict', path: '/' },
      database: { generateId: 'uuid' },
      ipAddress: { ipAddressHeaders: [addressHeader] },
    },
    plugins: [
      twoFactor({
        issuer: 'Almoner',
        twoFactorTable: 'twoFactors',
        // The library reads the lock before a code and counts after it. We count attempts ourselves, before it (attempts.ts).
        accountLockout: { enabled: false },
      }),
      codeGiver,
    ],
  })
  const { api } = auth

  return {
    /** @throws DomainError `wrong-password`, `account-disabled` */
    async signIn(
      visit: Visit,
      { email, password }: { email: string; password: string },
    ): Promise<Step<{ secondFactorNeeded: boolean }>> {
      return step(
        () => api.signInEmail({ body: { email, password }, headers: headersOf(visit), returnHeaders: true }),
        (answer) => ({ secondFactorNeeded: 'twoFactorRedirect' in answer }),
      )
    },

    /**
     * Ends a sign-in with a code of the app, or with one of the backup codes.
     *
     * @throws DomainError `wrong-code`, `account-locked`, `not-signed-in` when no password was given before
     */
    async giveSecondFactor(visit: Visit, code: string): Promise<Step<void>> {
      const asked = { body: { code }, headers: headersOf(visit), returnHeaders: true } as const
      return /^\d{6}$/.test(code)
        ? step(() => api.verifyTOTP(asked), nothing)
        : step(() => api.verifyBackupCode(asked), nothing)
    },

    /** Who is about to give a code: the user of the session, or of the sign-in that waits for its code. */
    async findCodeGiver(visit: Visit): Promise<string | undefined> {
      return (await api.findCodeGiver({ headers: headersOf(visit) })) ?? undefined
    },

    /** @throws DomainError `wrong-password` */
    async checkPassword(visit: Visit, password: string): Promise<void> {
      await step(
        () => api.verifyPassword({ body: { password }, headers: headersOf(visit), returnHeaders: true }),
        nothing,
      )
    },

    /** The user of a valid session; a session in use is extended, by a cookie. */
    async readSession(visit: Visit): Promise<Step<LiveSession | undefined>> {
      return step(
        () => api.getSession({ headers: headersOf(visit), returnHeaders: true }),
        (found) =>
          found
            ? {
                sessionId: found.session.id,
                token: found.session.token,
                userId: found.user.id,
                secondFactorAt: found.session.secondFactorAt ?? null,
                confirmedAt: found.session.confirmedAt ?? null,
              }
            : undefined,
      )
    },

    async signOut(visit: Visit): Promise<Step<void>> {
      return step(() => api.signOut({ headers: headersOf(visit), returnHeaders: true }), nothing)
    },

    /**
     * Begins to enrol a second factor; it counts once a code of it has been given.
     *
     * @throws DomainError `wrong-password`, `second-factor-enrolled`
     */
    async enrolSecondFactor(
      visit: Visit,
      password: string,
    ): Promise<Step<{ totpUri: string; backupCodes: string[] }>> {
      return step(
        () => api.enableTwoFactor({ body: { password }, headers: headersOf(visit), returnHeaders: true }),
        (answer) =>
          answer.method === 'totp'
            ? { totpUri: answer.totpURI, backupCodes: answer.backupCodes }
            : unexpected(),
      )
    },

    /** @throws DomainError `wrong-password`, `invalid-input` */
    async changePassword(
      visit: Visit,
      { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
    ): Promise<Step<void>> {
      const body = { currentPassword, newPassword, revokeOtherSessions: true }
      return step(() => api.changePassword({ body, headers: headersOf(visit), returnHeaders: true }), nothing)
    },

    /** What is stored of a password (scrypt). */
    async hashPassword(newPassword: string): Promise<string> {
      const { password } = await auth.$context
      return password.hash(newPassword)
    },
  }
}

/** Asks the library whose code it would check. It has no URL of its own, so no client can call it. */
const codeGiver = {
  id: 'code-giver',
  endpoints: {
    findCodeGiver: createAuthEndpoint.serverOnly({ method: 'GET' }, async (ctx): Promise<string | null> => {
      const session = await getSessionFromCtx(ctx)
      if (session) return session.user.id
      const cookie = ctx.context.createAuthCookie('two_factor')
      const identifier = await ctx.getSignedCookie(cookie.name, ctx.context.secret)
      if (!identifier) return null
      const pending = await ctx.context.internalAdapter.findVerificationValue(identifier)
      return pending?.value ?? null
    }),
  },
} satisfies BetterAuthPlugin

/** Set only here: what a client writes into it is overwritten. */
const addressHeader = 'x-almoner-address'

function headersOf(visit: Visit): Headers {
  const headers = fromNodeHeaders(visit.headers)
  headers.set(addressHeader, visit.address)
  return headers
}

async function step<Answer, Result>(
  ask: () => Promise<{ headers: Headers; response: Answer }>,
  read: (answer: Answer) => Result,
): Promise<Step<Result>> {
  try {
    const { headers, response } = await ask()
    return { result: read(response), cookies: headers.getSetCookie() }
  } catch (error) {
    throw refusalOf(error) ?? error
  }
}

function nothing(): void {}

function unexpected(): never {
  throw new Error('A second factor was enrolled that is no TOTP.')
}

const sentences: Readonly<Record<string, readonly [RefusalCode, string]>> = {
  INVALID_EMAIL: ['wrong-password', 'The e-mail address or the password is wrong.'],
  INVALID_EMAIL_OR_PASSWORD: ['wrong-password', 'The e-mail address or the password is wrong.'],
  INVALID_PASSWORD: ['wrong-password', 'The password is wrong.'],
  FAILED_TO_CREATE_SESSION: ['account-disabled', 'This account is disabled.'],
  INVALID_CODE: ['wrong-code', 'The code is wrong, or its half minute is over.'],
  INVALID_BACKUP_CODE: ['wrong-code', 'The code is wrong, or was used before.'],
  TOTP_NOT_ENABLED: ['wrong-code', 'There is no second factor to give a code of.'],
  TOTP_ALREADY_ENABLED: ['second-factor-enrolled', 'There is a second factor already.'],
  INVALID_TWO_FACTOR_COOKIE: ['not-signed-in', 'Give your e-mail address and password first.'],
  TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE: ['account-locked', 'Too many wrong codes: sign in again.'],
}

function refusalOf(error: unknown): DomainError | undefined {
  const code = error instanceof APIError ? error.body?.code : undefined
  const [refusal, sentence] = (code !== undefined && sentences[code]) || []
  return refusal && sentence ? new DomainError(refusal, sentence, [], { cause: error }) : undefined
}

/** Our instants are texts with microseconds; the library uses dates. */
const instantsAsDates: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  async transformResult({ result }) {
    return { ...result, rows: result.rows.map(withDates) }
  },
}

function withDates(row: UnknownRow): UnknownRow {
  const entries = Object.entries(row).map(([key, value]) => [
    key,
    typeof value === 'string' && /(At|Until)$/.test(key) ? new Date(value) : value,
  ])
  return Object.fromEntries(entries)
}
