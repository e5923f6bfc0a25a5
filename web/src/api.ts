/** The API client of the console: JSON, the token against forged requests, and refusals as errors. */
import type { z } from 'zod'
import type {
  apiKeySchema,
  enrolmentSchema,
  liveSessionSchema,
  sessionSchema,
  userSchema,
  userWithLinkSchema,
} from '../../src/access/access-api.ts'
import type { approvalSchema } from '../../src/approvals/approval-api.ts'
import type { claimSchema, newClaimSchema } from '../../src/claims/claim-api.ts'
import type {
  agentShareSchema,
  askedStartSchema,
  contributionOfMemberSchema,
  contributionSchema,
  creationProgressSchema,
  cycleSchema,
  previewSchema,
  startedSchema,
} from '../../src/cycles/cycle-api.ts'
import type { auditEventSchema, eventSchema } from '../../src/events/event-api.ts'
import type { fundSchema, tierSchema } from '../../src/fund/fund-api.ts'
import type { balanceSchema, transferSchema } from '../../src/ledger/ledger-api.ts'
import type {
  agentSchema,
  filePreviewSchema,
  importResultSchema,
  memberSchema,
  memberWithStandingsSchema,
  profileSchema,
} from '../../src/members/member-api.ts'
import type {
  deliverySchema,
  endpointSchema,
  endpointWithSecretSchema,
  letterSchema,
  noticeSchema,
  preferencesSchema,
  templateSchema,
} from '../../src/notices/notice-api.ts'
import type { jobDetailSchema, jobSchema } from '../../src/operations/job-api.ts'
import type {
  collectedSchema,
  newPaymentSchema,
  newSourceSchema,
  paymentDetailSchema,
  paymentSchema,
  sourceSchema,
} from '../../src/payments/payment-api.ts'
import type { refundSchema, walletSchema } from '../../src/wallets/wallet-api.ts'

export type Agent = z.infer<typeof agentSchema>
export type AgentShare = z.infer<typeof agentShareSchema>
export type ApiKey = z.infer<typeof apiKeySchema>
export type Approval = z.infer<typeof approvalSchema>
export type AskedStart = z.infer<typeof askedStartSchema>
export type AuditEvent = z.infer<typeof auditEventSchema>
export type Balance = z.infer<typeof balanceSchema>
export type Claim = z.infer<typeof claimSchema>
export type CollectedOnDay = z.infer<typeof collectedSchema>
export type NewClaim = z.input<typeof newClaimSchema>
export type Notice = z.infer<typeof noticeSchema>
export type NoticePreferences = z.infer<typeof preferencesSchema>
export type NoticeTemplate = z.infer<typeof templateSchema>
export type WrittenLetter = z.infer<typeof letterSchema>
export type Endpoint = z.infer<typeof endpointSchema>
export type EndpointWithSecret = z.infer<typeof endpointWithSecretSchema>
export type Delivery = z.infer<typeof deliverySchema>
export type ContributionOfMember = z.infer<typeof contributionOfMemberSchema>
export type Contribution = z.infer<typeof contributionSchema>
export type CreationProgress = z.infer<typeof creationProgressSchema>
export type Cycle = z.infer<typeof cycleSchema>
export type Enrolment = z.infer<typeof enrolmentSchema>
export type Fund = z.infer<typeof fundSchema>
export type FundEvent = z.infer<typeof eventSchema>
export type FilePreview = z.infer<typeof filePreviewSchema>
export type ImportProfile = z.infer<typeof profileSchema>
export type ImportResult = z.infer<typeof importResultSchema>
export type Job = z.infer<typeof jobSchema>
export type JobDetail = z.infer<typeof jobDetailSchema>
export type LiveSession = z.infer<typeof liveSessionSchema>
export type Member = z.infer<typeof memberSchema>
export type MemberWithStandings = z.infer<typeof memberWithStandingsSchema>
export type NewPayment = z.input<typeof newPaymentSchema>
export type NewSource = z.input<typeof newSourceSchema>
export type Payment = z.infer<typeof paymentSchema>
export type PaymentDetail = z.infer<typeof paymentDetailSchema>
export type PaymentSource = z.infer<typeof sourceSchema>
export type Preview = z.infer<typeof previewSchema>
export type Refund = z.infer<typeof refundSchema>
export type Session = z.infer<typeof sessionSchema>
export type Started = z.infer<typeof startedSchema>
export type Tier = z.infer<typeof tierSchema>
export type Transfer = z.infer<typeof transferSchema>
export type User = z.infer<typeof userSchema>
export type UserWithLink = z.infer<typeof userWithLinkSchema>
export type Wallet = z.infer<typeof walletSchema>

export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

interface Problem {
  type: string
  title: string
  status: number
  detail: string
  errors?: { pointer: string; detail: string }[]
}

/** A refusal of the server, with the server's message. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** The last part of the problem's type, e.g. `claim-has-cycle`. */
  readonly code: string
  readonly status: number
  readonly faults: readonly { pointer: string; detail: string }[]

  constructor(problem: Problem) {
    super(problem.detail)
    this.code = problem.type.replace('urn:almoner:problem:', '')
    this.status = problem.status
    this.faults = problem.errors ?? []
  }
}

let csrfToken: string | null = null

/** The token of the session; null without a session. */
export function keepCsrfToken(token: string | null): void {
  csrfToken = token
}

let stepUp: (() => Promise<boolean>) | undefined

/**
 * @param ask asks the user for password and code once more; resolves to whether she gave them
 * @returns takes it back
 */
export function stepUpWith(ask: () => Promise<boolean>): () => void {
  stepUp = ask
  return () => {
    stepUp = undefined
  }
}

type Method = 'PUT' | 'GET' | 'POST' | 'PATCH' | 'DELETE'

/**
 * @param body sent as JSON, or as it is when it is a file
 * @throws Refusal; TypeError when the server cannot be reached
 */
export async function ask<Answer>(method: Method, path: string, body?: unknown): Promise<Answer> {
  const isFile = body instanceof Blob
  const response = await fetch(path, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': isFile ? 'text/csv' : 'application/json' }),
      ...(csrfToken !== null && { 'x-csrf-token': csrfToken }),
    },
    ...(body !== undefined && { body: isFile ? body : JSON.stringify(body) }),
  })
  // Some answers say nothing but that it is done.
  const answer = response.status === 204 ? undefined : await response.json()
  if (response.ok) return answer as Answer
  const refusal = new Refusal(answer as Problem)
  if (refusal.code === 'step-up-required' && (await stepUp?.())) return ask(method, path, body)
  throw refusal
}

/** `path?status=Active&limit=50`, without undefined values; a list is given one by one. */
export function withQuery(
  path: string,
  query: Record<string, string | number | boolean | undefined | null | readonly string[]>,
): string {
  const given = Object.entries(query)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => [name, one] as const))
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return search ? `${path}?${search}` : path
}
