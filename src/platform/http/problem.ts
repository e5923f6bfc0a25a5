import { z } from 'zod'
import { type DomainError, type RefusalCode, refusals } from '../values/errors.ts'

/** The HTTP status of every refusal. A code that is missing here does not compile. */
const statuses = {
  'invalid-input': 400,
  'not-found': 404,
  'body-too-large': 413,
  'headers-too-large': 431,
  'request-timeout': 408,
  'unsupported-media-type': 415,
  'fund-in-use': 409,
  'fund-needs-approval': 409,
  'not-signed-in': 401,
  'session-invalid': 401,
  'session-needed': 403,
  'wrong-password': 401,
  'wrong-code': 401,
  'account-locked': 429,
  'account-disabled': 403,
  'link-invalid': 403,
  forbidden: 403,
  'second-factor-required': 403,
  'step-up-required': 403,
  'second-factor-enrolled': 409,
  'cross-site': 403,
  'csrf-token-invalid': 403,
  'key-in-url': 400,
  'key-invalid': 401,
  'key-expired': 401,
  'key-revoked': 401,
  'too-many-requests': 429,
  'server-busy': 503,
  'mail-not-configured': 409,
  'user-not-found': 404,
  'user-settled': 409,
  'user-exists': 409,
  'last-admin': 409,
  'session-not-found': 404,
  'api-key-not-found': 404,
  'tier-not-found': 404,
  'tier-code-taken': 409,
  'tier-in-use': 409,
  'tier-retired': 409,
  'tier-has-no-amount': 422,
  'tier-has-no-members': 422,
  'agent-not-found': 404,
  'agent-code-taken': 409,
  'agent-in-use': 409,
  'agent-retired': 409,
  'member-not-found': 404,
  'member-code-taken': 409,
  'member-deceased': 409,
  'member-in-standing': 409,
  'member-erased': 409,
  'member-owes': 409,
  'member-is-owed': 409,
  'erasure-requested': 409,
  'erasure-not-requested': 409,
  'own-erasure': 403,
  'approval-requested': 409,
  'approval-not-requested': 409,
  'approval-void': 409,
  'approval-not-needed': 409,
  'new-approver': 403,
  'own-request': 403,
  'import-refused': 422,
  'import-needs-approval': 409,
  'import-not-found': 404,
  'import-undone': 409,
  'import-in-use': 409,
  'claim-not-found': 404,
  'claim-exists': 409,
  'claim-not-submitted': 409,
  'claim-not-approved': 409,
  'own-claim': 403,
  'claim-needs-reason': 409,
  'claim-has-cycle': 409,
  'beyond-start-limit': 409,
  'eligible-as-of-in-future': 422,
  'cycle-not-found': 404,
  'cycle-state': 409,
  'cycle-not-active': 409,
  'contribution-not-found': 404,
  'contribution-state': 409,
  'payment-not-found': 404,
  'payment-differs': 409,
  'payment-state': 409,
  'payment-too-large': 422,
  'lines-differ': 422,
  'received-in-future': 422,
  'reversal-needs-reason': 409,
  'member-left': 409,
  'source-not-found': 404,
  'source-code-taken': 409,
  'account-not-found': 404,
  'wallet-too-low': 409,
  'webhook-not-found': 404,
  'delivery-not-found': 404,
  'delivery-not-dead': 409,
  'job-not-found': 404,
  'job-state': 409,
  'idempotency-key-reused': 422,
  'idempotency-key-busy': 409,
} as const satisfies Record<RefusalCode, number>

export type ProblemStatus = (typeof statuses)[RefusalCode] | 500

/** RFC 9457, with `id` and `errors` as extension members. */
const problemSchema = z
  .object({
    type: z
      .string()
      .meta({ description: 'Stable: programs decide by it.', examples: ['urn:almoner:problem:not-found'] }),
    title: z.string().meta({ description: 'The same for every problem of this type.' }),
    status: z.int(),
    detail: z.string().meta({ description: 'What is wrong this time, for a person.' }),
    instance: z.string().optional().meta({ description: 'The path that was asked for.' }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({
            description:
              'A JSON pointer into the body such as /rows/0/name; ?limit for a query parameter; the name of a header.',
          }),
          detail: z.string(),
        }),
      )
      .optional(),
    id: z.string().optional().meta({ description: 'Of an internal error: what the log calls this request.' }),
  })
  .meta({ id: 'Problem', description: 'A problem, as in RFC 9457.' })

export type Problem = z.infer<typeof problemSchema>

export const problemMediaType = 'application/problem+json'

interface ProblemResponse {
  description: string
  content: { 'application/problem+json': { schema: typeof problemSchema } }
}

const meanings: Readonly<Record<ProblemStatus, string>> = {
  400: 'The input is not valid.',
  401: 'It is not known who asks.',
  403: 'Whoever asks may not do this.',
  404: 'There is no such thing.',
  408: 'The request came too slowly.',
  409: 'The present state forbids this.',
  413: 'The body is too large.',
  415: 'This content type is not accepted.',
  422: 'The request is understood and cannot be carried out.',
  429: 'Too much was asked; Retry-After says when to come again.',
  431: 'The path and the headers are too large.',
  500: 'A fault of the server; the log has it under the same id.',
  503: 'Too much is asked of the server at the moment; Retry-After says when to come again.',
}

/** Documents the problems a route can answer: `response: { 200: memberSchema, ...problemResponses(404, 409) }`. */
export function problemResponses<const Status extends ProblemStatus>(
  ...which: readonly Status[]
): Record<Status, ProblemResponse> {
  const responses = which.map((status): [Status, ProblemResponse] => [
    status,
    { description: meanings[status], content: { [problemMediaType]: { schema: problemSchema } } },
  ])
  return Object.fromEntries(responses) as Record<Status, ProblemResponse>
}

/** The problem for a refusal; without a path when the request could not be read so far. */
export function problemOf(refusal: DomainError, instance?: string): Problem & { status: ProblemStatus } {
  return {
    type: `urn:almoner:problem:${refusal.code}`,
    title: refusals[refusal.code],
    status: statuses[refusal.code],
    detail: refusal.message,
    ...(instance !== undefined && { instance }),
    ...(refusal.faults.length > 0 && { errors: refusal.faults.map((fault) => ({ ...fault })) }),
  }
}

/** The problem for a bug or an outage: it shows no cause, only the id for the log. */
export function internalProblem(id: string, instance: string): Problem & { status: ProblemStatus } {
  return {
    type: 'urn:almoner:problem:internal-error',
    title: 'Something went wrong inside',
    status: 500,
    detail: `The request could not be carried out. The log has the cause under the id ${id}.`,
    instance,
    id,
  }
}
