/**
 * Every refusal Almoner can give, with its title. The codes are public: they are the last part of a problem's
 * `type` and must never change their meaning. A code missing from the maps of `http/` or `cli/` does not compile.
 */
export const refusals = {
  'invalid-input': 'The input is not valid',
  'not-found': 'There is nothing here',
  'body-too-large': 'The body is too large',
  'headers-too-large': 'The path and the headers are too large',
  'request-timeout': 'The request came too slowly',
  'unsupported-media-type': 'This content type is not accepted',
  'fund-in-use': 'The currency can no longer change',
  'tier-not-found': 'Tier not found',
  'tier-code-taken': 'The tier code is taken',
  'tier-has-no-amount': 'The tier has no contribution amount',
  'tier-has-no-members': 'Nobody is in good standing in the tier',
  'agent-not-found': 'Agent not found',
  'agent-code-taken': 'The agent code is taken',
  'member-not-found': 'Member not found',
  'member-code-taken': 'The member code is taken',
  'member-deceased': 'The member is Deceased',
  'import-refused': 'The file cannot be imported',
  'claim-not-found': 'Claim not found',
  'claim-exists': 'The member already has a claim',
  'claim-not-submitted': 'The claim has been decided already',
  'claim-not-approved': 'The claim is not approved',
  'claim-has-cycle': 'The claim already has a contribution cycle',
  'eligible-as-of-in-future': 'The register cannot be read in the future',
  'cycle-not-found': 'Contribution cycle not found',
  'cycle-state': 'The state of the cycle forbids this',
  'cycle-not-active': 'The cycle is not active yet',
  'job-not-found': 'Job not found',
  'job-state': 'The state of the job forbids this',
  'idempotency-key-reused': 'The Idempotency-Key was used for another request',
  'idempotency-key-busy': 'A request with this Idempotency-Key is still running',
} as const

export type RefusalCode = keyof typeof refusals

/** Where in the input the fault lies: a JSON pointer, and a sentence. */
export interface InputFault {
  readonly pointer: string
  readonly detail: string
}

/** An expected refusal, safe to show. Anything else that is thrown is a bug. */
export class DomainError extends Error {
  readonly code: RefusalCode
  readonly faults: readonly InputFault[]

  /** @param detail one sentence for the person who asked: what is wrong, and what to do about it */
  constructor(code: RefusalCode, detail: string, faults: readonly InputFault[] = [], options?: ErrorOptions) {
    super(detail, options)
    this.name = 'DomainError'
    this.code = code
    this.faults = faults
  }
}
