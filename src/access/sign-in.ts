/** What somebody may do who is nobody yet: sign in, ask for a link, use it, and set Almoner up. */
import { timingSafeEqual } from 'node:crypto'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { findUser } from './access-sql.ts'
import type { Attempts } from './attempts.ts'
import type { Identity, Step, Visit } from './identity.ts'
import { addFirstUser } from './keep-users.ts'
import { type LinkDeps, sendLink } from './password-link.ts'
import type { StrangersEvents } from './strangers-events.ts'

export interface SignInDeps extends AnnounceDeps {
  readonly identity: Identity
  readonly attempts: Attempts
  readonly strangers: StrangersEvents
}

/**
 * The first step of a sign-in, and the only one for who has no second factor.
 *
 * @throws DomainError `wrong-password`, `account-locked`, `account-disabled`, `too-many-requests`
 */
export async function signIn(
  deps: SignInDeps,
  visit: Visit,
  { actor, ...credentials }: { email: string; password: string; actor: Actor },
): Promise<Step<{ secondFactorNeeded: boolean }>> {
  const { email } = credentials
  return recorded(deps, { email, actor }, async () => {
    await deps.attempts.begin(email, visit.address)
    const step = await deps.identity.signIn(visit, credentials)
    await deps.attempts.forgive(email, visit.address)
    if (!step.result.secondFactorNeeded) await recordSignIn(deps, actor, email)
    return step
  })
}

/**
 * The second step.
 *
 * @throws DomainError `wrong-code`, `account-locked`, `not-signed-in`
 */
export async function giveSecondFactor(
  deps: SignInDeps,
  visit: Visit,
  { code, actor }: { code: string; actor: Actor },
): Promise<Step<void>> {
  return recorded(deps, { actor }, async () => {
    const step = await deps.identity.giveSecondFactor(visit, code)
    const email = await emailOf(deps, visit, step.cookies)
    if (email !== undefined) await recordSignIn(deps, actor, email)
    return step
  })
}

/**
 * Sends a link with which a password is set, if there is such an account. That happens after this has returned: how long it
 * takes, and whether it fails, would tell whether there is one.
 *
 * @param onFailure is told why a link could not be sent
 * @throws DomainError `account-locked`, `too-many-requests`, `mail-not-configured`
 */
export async function requestLink(
  deps: SignInDeps & LinkDeps,
  visit: Visit,
  { email, actor, onFailure }: { email: string; actor: Actor; onFailure: (error: unknown) => void },
): Promise<void> {
  if (!deps.sendMail) {
    throw new DomainError('mail-not-configured', 'This server sends no mail: ask whoever runs it for a link.')
  }
  // Apart from the passwords that were tried: who has forgotten hers has a few behind her.
  await deps.attempts.begin(`link for ${email}`, visit.address)
  await deps.strangers.tell({
    eventName: 'PasswordLinkRequested',
    subject: null,
    actor,
    payload: { email },
  })
  const send = async () => {
    const user = await findUser(deps.db, { email })
    if (user && user.disabledAt === null) await sendLink(deps, user)
  }
  send().catch(onFailure)
}

/** @throws DomainError `link-invalid`, `too-many-requests` */
export async function useLink(
  deps: SignInDeps,
  visit: Visit,
  { token, newPassword, actor }: { token: string; newPassword: string; actor: Actor },
): Promise<void> {
  const tried = `link from ${visit.address}`
  await deps.attempts.begin(tried, visit.address)
  await deps.identity.setPassword(token, newPassword)
  // Everybody new may sit in one office.
  await deps.attempts.forgive(tried, visit.address)
  await deps.db
    .transaction()
    .execute((tx) =>
      deps.announce(tx, { eventName: 'PasswordChanged', subject: null, actor, payload: { by: 'link' } }),
    )
}

/**
 * Makes the first user, an admin, with the token that `almoner start` has shown on this machine.
 *
 * @throws DomainError `link-invalid`
 */
export async function setUp(
  deps: SignInDeps & { readonly setUpToken: string | undefined },
  visit: Visit,
  input: { token: string; name: string; email: string; newPassword: string; actor: Actor },
): Promise<Step<{ secondFactorNeeded: boolean }>> {
  const { token, name, email, newPassword, actor } = input
  return recorded(deps, { email, actor }, async () => {
    if (!isLoopback(visit.address) || deps.setUpToken === undefined || !isSame(token, deps.setUpToken)) {
      throw new DomainError('link-invalid', 'This is not the link that Almoner showed when it started.')
    }
    const { userId } = await addFirstUser(deps, { name, email, actor })
    await deps.identity.setPassword(await deps.identity.createLinkToken(userId, 1), newPassword)
    return signIn(deps, visit, { email, password: newPassword, actor })
  })
}

function isLoopback(address: string): boolean {
  return ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(address)
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Writes down what was refused, and to whom it was pretended to belong. */
async function recorded<Result>(
  deps: Pick<SignInDeps, 'strangers'>,
  { email, actor }: { email?: string; actor: Actor },
  attempt: () => Promise<Result>,
): Promise<Result> {
  try {
    return await attempt()
  } catch (error) {
    if (error instanceof DomainError && error.code !== 'too-many-requests') {
      await deps.strangers.tell({
        eventName: 'SignInRefused',
        subject: null,
        actor,
        payload: { ...(email !== undefined && { email }), refusal: error.code },
      })
    }
    throw error
  }
}

async function recordSignIn({ db, announce }: AnnounceDeps, actor: Actor, email: string): Promise<void> {
  const user = await findUser(db, { email })
  if (!user) return
  await db.transaction().execute((tx) =>
    announce(tx, {
      eventName: 'SignedIn',
      subject: user.userId,
      actor: { ...actor, name: user.email, role: user.role },
    }),
  )
}

/** Whose session the cookies have just begun. */
async function emailOf(
  { db, identity }: SignInDeps,
  visit: Visit,
  cookies: readonly string[],
): Promise<string | undefined> {
  const cookie = cookies.map((one) => one.split(';', 1)[0]).join('; ')
  const { result } = await identity.readSession({ ...visit, headers: { cookie } })
  return result && (await findUser(db, { userId: result.userId }))?.email
}
