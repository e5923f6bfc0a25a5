import { expect, test } from 'vitest'
import { withPatience } from './retry-while.ts'

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

const options = { patienceMs: 2_000, mayPass: (error: unknown) => error === away, onWait: () => {} }

test('what comes while it is waited for is had, and each pause is announced', async () => {
  const said: string[] = []
  const { attempt, made } = attempts(2)
  const onWait = (error: Error, leftSeconds: number) => said.push(`${error.message}: ${leftSeconds} s`)
  expect(await withPatience(attempt, { ...options, onWait })).toBe('there')
  expect(made()).toBe(3)
  expect(said).toEqual(['Nobody answers: 2 s', 'Nobody answers: 2 s'])
})

test('what does not come is given up, with the last reason', async () => {
  const { attempt, made } = attempts(Number.POSITIVE_INFINITY)
  await expect(withPatience(attempt, { ...options, patienceMs: 600 })).rejects.toBe(away)
  // At once, after 500 ms and at the end; a timer that fires a little early leaves time for one more.
  expect([3, 4]).toContain(made())
})

test('what cannot pass is not waited for', async () => {
  const refused = new Error('Wrong password')
  const { attempt, made } = attempts(9, refused)
  await expect(withPatience(attempt, options)).rejects.toBe(refused)
  expect(made()).toBe(1)
})

test('without patience there is one attempt', async () => {
  const { attempt, made } = attempts(9)
  await expect(withPatience(attempt, { ...options, patienceMs: 0 })).rejects.toBe(away)
  expect(made()).toBe(1)
})
