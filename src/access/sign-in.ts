/** What a visitor may do without a sign-in: sign in, ask for a link, use it, and set Almoner up. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { AnnounceDeps } from '../events/announce.ts'
import type { Actor } from '../platform/values/actor.ts'
import { DomainError } from '../platform/values/errors.ts'
import { confirmSession, deleteSessions, findUser, type UserRow } from './access-sql.ts'
import type { Attempts } from './attempts.ts'
import type { Identity, Step, Visit } from './identity.ts'
import { addFirstUser } from './keep-users.ts'
import { type LinkDeps, mailLink, makeLink, resetHours, useLink } from './password-link.ts'
import { noteCode } from './password-sql.ts'
import type { StrangersEvents } from './strangers-events.ts'

export interface SignInDeps extends AnnounceDeps, LinkDeps {
  readonly identity: Identity
  readonly attempts: Attempts
  readonly strangers: StrangersEvents
  /** Called with what went wrong after the answer, e.g. a mail that could not be sent. */
  readonly onFailure: (error: unknown) => void
}

/**
 * The first step of a sign-in, and the only one for a user without a second factor.
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
    const user = await findUser(deps.db, { email })
    if (user && step.result.secondFactorNeeded) await deps.attempts.beginPending(user.userId)
    await deps.attempts.forgive(email, visit.address)
    if (user && !step.result.secondFactorNeeded) await recordSignIn(deps, actor, user)
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
  const user = await findCodeGiver(deps, visit)
  return recorded(deps, { actor, ...(user && { email: user.email }) }, async () => {
    if (!user) throw new DomainError('not-signed-in', 'Give your e-mail address and password first.')
    const step = await judgeCode(deps, visit, { user, code, actor })
    await recordSignIn(deps, actor, user)
    return step
  })
}

/**
 * Enrols the second factor by a code of it. The session goes on; all others of the user end, for they were opened
 * without it.
 *
 * @throws DomainError `wrong-code`, `account-locked`
 */
export async function enrolByCode(
  deps: SignInDeps,
  visit: Visit,
  { code, actor }: { code: string; actor: Actor },
): Promise<Step<void>> {
  const user = await requireCodeGiver(deps, visit)
  const step = await judgeCode(deps, visit, { user, code, actor })
  const live = await deps.identity.readSession(step.cookies.length > 0 ? visitWith(visit, step) : visit)
  await deps.db.transaction().execute(async (tx) => {
    const { userId } = user
    await deleteSessions(tx, userId, live.result ? { except: live.result.sessionId } : {})
    await deps.announce(tx, { eventName: 'SecondFactorEnrolled', subject: userId, actor })
  })
  return step
}

/** The visit with the cookies that a step has just set. */
function visitWith(visit: Visit, { cookies }: Step<unknown>): Visit {
  const cookie = cookies.map((one) => one.split(';', 1)[0]).join('; ')
  return { ...visit, headers: { cookie } }
}

/**
 * Password and code once more, by a user who is signed in: what could let somebody else in asks for it.
 *
 * @param input.code undefined for a user without a second factor
 * @throws DomainError `wrong-password`, `wrong-code`, `account-locked`
 */
export async function confirm(
  deps: SignInDeps,
  visit: Visit,
  input: { sessionId: string; password: string; code: string | undefined; actor: Actor },
): Promise<Step<void>> {
  const { sessionId, password, code, actor } = input
  const user = await requireCodeGiver(deps, visit)
  const { userId, email } = user
  return recorded(deps, { email, actor }, async () => {
    await deps.attempts.begin(email, visit.address)
    await deps.identity.checkPassword(visit, password)
    await deps.attempts.forgive(email, visit.address)
    if (user.secondFactor && code === undefined) {
      throw new DomainError('wrong-code', 'The code of your second factor is needed too.')
    }
    const step =
      code === undefined
        ? { result: undefined, cookies: [] }
        : await judgeCode(deps, visit, { user, code, actor })
    await deps.db.transaction().execute(async (tx) => {
      await confirmSession(tx, sessionId, new Date())
      await deps.announce(tx, { eventName: 'SessionConfirmed', subject: userId, actor })
    })
    return step
  })
}

/**
 * Looks at a code of the second factor. An attempt is taken before, and the code is noted as given, so of many codes at
 * once few are judged and none twice.
 */
async function judgeCode(
  deps: SignInDeps,
  visit: Visit,
  { user, code, actor }: { user: UserRow; code: string; actor: Actor },
): Promise<Step<void>> {
  const { userId } = user
  const { address } = visit
  await deps.attempts.beginCode({
    userId,
    address,
    onLocked: () => void tellOwner(deps, user, actor).catch(deps.onFailure),
  })
  if (!(await noteCode(deps.db, userId, createHash('sha256').update(code).digest()))) {
    throw new DomainError('wrong-code', 'This code was given before: wait for the next one.')
  }
  const step = await deps.identity.giveSecondFactor(visit, code)
  await deps.attempts.forgiveCode({ userId, address })
  return step
}

/** A person who gives codes knows the password already. */
async function tellOwner(deps: SignInDeps, { userId, email, name }: UserRow, actor: Actor): Promise<void> {
  await deps.db
    .transaction()
    .execute((tx) =>
      deps.announce(tx, { eventName: 'SecondFactorLocked', subject: userId, actor, payload: { email } }),
    )
  await deps.sendMail?.({
    to: email,
    subject: 'Wrong codes for your account at Almoner',
    text: [
      `Dear ${name},`,
      '',
      `your password was given, and then too many wrong codes, last from ${actor.address}.`,
      'No more codes are looked at for a quarter of an hour.',
      '',
      'If that was not you, somebody knows your password: change it, and tell an admin of your fund.',
    ].join('\n'),
  })
}

/**
 * Sends a link with which a password is set, if there is such an account. That happens after this has returned: how long it
 * takes, and whether it fails, would tell whether there is one.
 *
 * @throws DomainError `account-locked`, `too-many-requests`, `mail-not-configured`
 */
export async function requestLink(
  deps: SignInDeps,
  visit: Visit,
  { email, actor }: { email: string; actor: Actor },
): Promise<void> {
  if (!deps.sendMail) {
    throw new DomainError('mail-not-configured', 'This server sends no mail: ask whoever runs it for a link.')
  }
  // Counted separately from wrong passwords: a user who has forgotten hers has tried a few.
  await deps.attempts.begin(`link for ${email}`, visit.address)
  await deps.strangers.tell({
    eventName: 'PasswordLinkRequested',
    subject: null,
    actor,
    payload: { email },
  })
  const send = async () => {
    const user = await findUser(deps.db, { email })
    if (!user || user.disabledAt !== null) return
    const hours = resetHours
    const link = await deps.db
      .transaction()
      .execute((tx) => makeLink(tx, deps, { userId: user.userId, hours, endsSecondFactor: false }))
    await mailLink(deps, { user, link, hours }, deps.onFailure)
  }
  send().catch(deps.onFailure)
}

/**
 * Sets a password by a link, and unlocks the account.
 *
 * @throws DomainError `link-invalid`, `too-many-requests`
 */
export async function setPasswordByLink(
  deps: SignInDeps,
  visit: Visit,
  input: { token: string; newPassword: string; actor: Actor },
): Promise<void> {
  const tried = `link from ${visit.address}`
  await deps.attempts.begin(tried, visit.address)
  const user = await useLink(deps, input)
  // Many new users may have the same address, in one office.
  await deps.attempts.forgive(tried, visit.address)
  await deps.attempts.unlock(user)
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
    await addFirstUser(deps, { name, email, password: await deps.identity.hashPassword(newPassword), actor })
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

async function findCodeGiver({ db, identity }: SignInDeps, visit: Visit): Promise<UserRow | undefined> {
  const userId = await identity.findCodeGiver(visit)
  return userId === undefined ? undefined : findUser(db, { userId })
}

async function requireCodeGiver(deps: SignInDeps, visit: Visit): Promise<UserRow> {
  const user = await findCodeGiver(deps, visit)
  if (!user) throw new DomainError('session-invalid', 'This session has ended: sign in again.')
  return user
}

/** Writes down what was refused, and whose account it was about. */
async function recorded<Result>(
  { strangers }: Pick<SignInDeps, 'strangers'>,
  { email, actor }: { email?: string; actor: Actor },
  attempt: () => Promise<Result>,
): Promise<Result> {
  try {
    return await attempt()
  } catch (error) {
    if (error instanceof DomainError && error.code !== 'too-many-requests') {
      const payload = { ...(email !== undefined && { email }), refusal: error.code }
      await strangers.tell({ eventName: 'SignInRefused', subject: null, actor, payload })
    }
    throw error
  }
}

async function recordSignIn({ db, announce }: AnnounceDeps, actor: Actor, user: UserRow): Promise<void> {
  await db.transaction().execute((tx) =>
    announce(tx, {
      eventName: 'SignedIn',
      subject: user.userId,
      actor: { ...actor, name: user.email, role: user.role },
    }),
  )
}
