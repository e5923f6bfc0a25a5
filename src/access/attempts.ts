import { createHash } from 'node:crypto'
import type pg from 'pg'
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { DomainError, type RefusalCode } from '../platform/values/errors.ts'
import { networkOf } from '../platform/values/network.ts'

const quarterHourSeconds = 15 * 60

/** The fifth wrong password for an account locks it, whether the account exists or not. */
const triesForAccount = 5
/** A sign-in that waits for a code ends after ten minutes; nobody needs more than a few of them. */
const pendingSignIns = 10
const pendingSeconds = 600
/** An office of many people may have one address. */
const triesFromAddress = 30

/** Counts of attempts, shared by all processes that serve the API. */
export interface Attempts {
  /** @throws DomainError `account-locked`, `too-many-requests` */
  begin(email: string, address: string): Promise<void>
  /** The attempt succeeded: it counts neither against the account nor against the address. */
  forgive(email: string, address: string): Promise<void>
  /**
   * Takes one of the few attempts to give a code, before the code is looked at: however many come at once, no more are
   * judged.
   *
   * @param onLocked is called once, for the attempt that locks the account
   * @throws DomainError `account-locked`, `too-many-requests`
   */
  beginCode(user: { userId: string; address: string; onLocked: () => void }): Promise<void>
  /** The code was right. */
  forgiveCode(user: { userId: string; address: string }): Promise<void>
  /**
   * Takes one of the few sign-ins of an account that may wait for their code at the same time.
   *
   * @throws DomainError `account-locked`
   */
  beginPending(userId: string): Promise<void>
  /** Unlocks the account. */
  unlock(user: { userId: string; email: string }): Promise<void>
}

export function countAttempts(pool: pg.Pool): Attempts {
  const shared = { storeClient: pool, storeType: 'pool', tableName: 'rate_limits', tableCreated: true }
  const ofAccount = new RateLimiterPostgres({
    ...shared,
    keyPrefix: 'account',
    points: triesForAccount,
    duration: quarterHourSeconds,
    blockDuration: quarterHourSeconds,
  })
  const codesOfUser = new RateLimiterPostgres({
    ...shared,
    keyPrefix: 'code',
    points: triesForAccount,
    duration: quarterHourSeconds,
    blockDuration: quarterHourSeconds,
  })
  const pendingOfUser = new RateLimiterPostgres({
    ...shared,
    keyPrefix: 'pending',
    points: pendingSignIns,
    duration: pendingSeconds,
  })
  const fromAddress = new RateLimiterPostgres({
    ...shared,
    keyPrefix: 'address',
    points: triesFromAddress,
    duration: quarterHourSeconds,
  })
  return {
    async begin(email, address) {
      await take(fromAddress, networkOf(address), 'too-many-requests', 'Too many attempts from this address')
      // Counted before the password is checked: a hundred guesses at once are a hundred attempts.
      await take(ofAccount, keyOf(email), 'account-locked', 'Too many attempts for this account')
    },
    async forgive(email, address) {
      await ofAccount.delete(keyOf(email))
      await fromAddress.reward(networkOf(address))
    },
    async beginCode({ userId, address, onLocked }) {
      await take(fromAddress, networkOf(address), 'too-many-requests', 'Too many attempts from this address')
      await take(codesOfUser, userId, 'account-locked', 'Too many wrong codes for this account', {
        onFirstRefusal: onLocked,
      })
    },
    async forgiveCode({ userId, address }) {
      await Promise.all([codesOfUser.delete(userId), pendingOfUser.delete(userId)])
      await fromAddress.reward(networkOf(address))
    },
    async beginPending(userId) {
      await take(pendingOfUser, userId, 'account-locked', 'Too many sign-ins of this account wait for a code')
    },
    async unlock({ userId, email }) {
      await ofAccount.delete(keyOf(email))
      await Promise.all([codesOfUser.delete(userId), pendingOfUser.delete(userId)])
    },
  }
}

/** The column of the keys is shorter than an e-mail address may be. */
function keyOf(email: string): string {
  return createHash('sha256').update(email.toLowerCase()).digest('base64url')
}

/**
 * Counts what the requests of everybody cost who comes to this process.
 *
 * @param perMinute small requests, each of which costs 1
 */
export function limitRequests(perMinute: number): (who: string, cost: number) => Promise<void> {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: 60 })
  // However small the limit, one request of any kind is allowed.
  return (who, cost) =>
    take(limiter, who, 'too-many-requests', 'Too many requests', { points: Math.min(cost, perMinute) })
}

async function take(
  limiter: RateLimiterMemory | RateLimiterPostgres,
  key: string,
  refusal: RefusalCode,
  sentence: string,
  { points = 1, onFirstRefusal }: { points?: number; onFirstRefusal?: () => void } = {},
): Promise<void> {
  try {
    await limiter.consume(key, points)
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    if (error.consumedPoints === limiter.points + 1) onFirstRefusal?.()
    const retryAfterSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
    throw new DomainError(refusal, `${sentence}: try again in ${retryAfterSeconds} s.`, [], {
      retryAfterSeconds,
    })
  }
}
