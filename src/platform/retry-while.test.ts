import { expect, test } from 'vitest'
import { retryWhile } from './retry-while.ts'

const away = new Error('Nobody answers')

/** Fails so many times before it succeeds. */
function attempts(failures: number, error = away) {
  let made = 0
  const attempt = async () => {
    made += 1
    if (made <= failures) throw error
    return 'there'
  }
  return { attempt, made: () => made }
}

const options = { retryForMs: 2_000, isTransient: (error: unknown) => error === away, onWait: () => {} }

test('what succeeds in time is returned, and each pause is announced', async () => {
  const said: string[] = []
  const { attempt, made } = attempts(2)
  const onWait = (error: Error, leftSeconds: number) => said.push(`${error.message}: ${leftSeconds} s`)
  expect(await retryWhile(attempt, { ...options, onWait })).toBe('there')
  expect(made()).toBe(3)
  expect(said).toEqual(['Nobody answers: 2 s', 'Nobody answers: 2 s'])
})

test('what does not succeed in time is given up, with the last reason', async () => {
  const { attempt, made } = attempts(Number.POSITIVE_INFINITY)
  await expect(retryWhile(attempt, { ...options, retryForMs: 600 })).rejects.toBe(away)
  // At once, after 500 ms and at the end; a timer that fires a little early leaves time for one more.
  expect([3, 4]).toContain(made())
})

test('an error that cannot go away is not retried', async () => {
  const refused = new Error('Wrong password')
  const { attempt, made } = attempts(9, refused)
  await expect(retryWhile(attempt, options)).rejects.toBe(refused)
  expect(made()).toBe(1)
})

test('without time to retry there is one attempt', async () => {
  const { attempt, made } = attempts(9)
  await expect(retryWhile(attempt, { ...options, retryForMs: 0 })).rejects.toBe(away)
  expect(made()).toBe(1)
})
