import type { Context } from 'aws-lambda'

/** A Lambda's process: it gets events and how long it has for each, and answers what the handler answers. */
export interface Invocation {
  readonly event: never
  readonly remainingMs: number
}
export type InvocationResult = { readonly answer: unknown } | { readonly error: string }

// What was built is what is deployed; the tests know its types from the source.
const { handler } = (await import(
  new URL('../../dist/app/lambda.js', import.meta.url).href
)) as typeof import('../../src/app/lambda.ts')

process.on('message', ({ event, remainingMs }: Invocation) => {
  const endsAt = Date.now() + remainingMs
  const context = { getRemainingTimeInMillis: () => endsAt - Date.now() } as Context
  handler(event, context).then(
    (answer) => process.send?.({ answer }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})
