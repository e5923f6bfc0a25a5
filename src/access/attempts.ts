import { createHash } from 'node:crypto'
import type pg from 'pg'
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { DomainError, type RefusalCode } from '../platform/values/errors.ts'

const quarterHourSeconds = 15 * 60

/** Whoever tries a fifth wrong password for an account has locked it, whether the account is there or not. */
const triesForAccount = 5
/** An office of many people may have one address. */
const triesFromAddress = 30

/** Counts of attempts, shared by all processes that serve the API. */
export interface Attempts {
  /** @throws DomainError `account-locked`, `too-many-requests` */
  begin(email: string, address: string): Promise<void>
  /** The attempt was a good one: it counts neither against the account nor against the address. */
  forgive(email: string, address: string): Promise<void>
  /** Somebody who may lets the account in again. */
  unlock(email: string): Promise<void>
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
  const fromAddress = new RateLimiterPostgres({
    ...shared,
    keyPrefix: 'address',
    points: triesFromAddress,
    duration: quarterHourSeconds,
  })
  return {
    async begin(email, address) {
      await take(fromAddress, address, 'too-many-requests', 'Too many attempts from this address')
      // Taken before the password is looked at: a hundred guesses at once are a hundred attempts.
      await take(ofAccount, keyOf(email), 'account-locked', 'Too many attempts for this account')
    },
    async forgive(email, address) {
      await ofAccount.delete(keyOf(email))
      await fromAddress.reward(address)
    },
    async unlock(email) {
      await ofAccount.delete(keyOf(email))
    },
  }
}

/** The column of the keys is narrower than an e-mail address may be. */
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
  // However little is granted a minute, one request of any kind is.
  return (who, cost) =>
    take(limiter, who, 'too-many-requests', 'Too many requests', Math.min(cost, perMinute))
}

async function take(
  limiter: RateLimiterMemory | RateLimiterPostgres,
  key: string,
  refusal: RefusalCode,
  sentence: string,
  points = 1,
): Promise<void> {
  try {
    await limiter.consume(key, points)
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    const retryAfterSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
    throw new DomainError(refusal, `${sentence}: try again in ${retryAfterSeconds} s.`, [], {
      retryAfterSeconds,
    })
  }
}
