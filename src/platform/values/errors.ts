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
  'fund-needs-approval': 'Another admin has to approve this setting',
  'not-signed-in': 'Nobody is signed in',
  'session-invalid': 'The session has ended',
  'session-needed': 'This is not for API keys',
  'wrong-password': 'The e-mail address or the password is wrong',
  'wrong-code': 'The code is wrong',
  'account-locked': 'The account is locked for a while',
  'account-disabled': 'The account is disabled',
  'link-invalid': 'The link is no longer good',
  forbidden: 'This is not allowed',
  'second-factor-required': 'A second factor is needed',
  'step-up-required': 'Password and code are needed again',
  'second-factor-enrolled': 'There is a second factor already',
  'cross-site': 'The request comes from another site',
  'csrf-token-invalid': 'The token against forged requests is not right',
  'key-in-url': 'There is an API key in the address',
  'key-invalid': 'The API key is not one',
  'key-expired': 'The API key has expired',
  'key-revoked': 'The API key was revoked',
  'too-many-requests': 'Too many requests',
  'server-busy': 'The server is busy',
  'mail-not-configured': 'No mail can be sent',
  'user-not-found': 'User not found',
  'user-settled': 'The user may decide already',
  'user-exists': 'The user exists already',
  'last-admin': 'The last admin stays',
  'session-not-found': 'Session not found',
  'api-key-not-found': 'API key not found',
  'tier-not-found': 'Tier not found',
  'tier-code-taken': 'The tier code is taken',
  'tier-in-use': 'The tier is used',
  'tier-retired': 'The tier is retired',
  'tier-has-no-amount': 'The tier has no contribution amount',
  'tier-has-no-members': 'Nobody is in good standing in the tier',
  'agent-not-found': 'Agent not found',
  'agent-in-use': 'The agent is used',
  'agent-retired': 'The agent is retired',
  'agent-code-taken': 'The agent code is taken',
  'member-not-found': 'Member not found',
  'member-code-taken': 'The member code is taken',
  'member-deceased': 'The member is Deceased',
  'member-in-standing': 'The member is still in the fund',
  'member-erased': 'The member was erased',
  'member-owes': 'The member still owes',
  'member-is-owed': 'The member is still owed',
  'erasure-requested': 'The erasure has been asked for already',
  'erasure-not-requested': 'Nobody has asked for the erasure',
  'own-erasure': 'Nobody approves an erasure of their own',
  'approval-requested': 'It has been asked for already',
  'approval-not-requested': 'Nobody has asked for it',
  'approval-void': 'It has changed since it was asked for',
  'approval-not-needed': 'One person may do it',
  'new-approver': 'The role is too new to decide',
  'own-request': 'Nobody approves a request of their own',
  'import-refused': 'The file cannot be imported',
  'import-needs-approval': 'Another person has to approve the import',
  'import-not-found': 'Import not found',
  'import-undone': 'The import was undone already',
  'import-in-use': 'Something rests on the import',
  'claim-not-found': 'Claim not found',
  'claim-exists': 'The member already has a claim',
  'claim-not-submitted': 'The claim has been decided already',
  'claim-not-approved': 'The claim is not approved',
  'own-claim': 'Nobody approves a claim of their own',
  'claim-needs-reason': 'The approval needs a reason',
  'claim-has-cycle': 'The claim already has a contribution cycle',
  'beyond-start-limit': 'The start needs two persons',
  'eligible-as-of-in-future': 'The register cannot be read in the future',
  'cycle-not-found': 'Contribution cycle not found',
  'cycle-state': 'The state of the cycle forbids this',
  'cycle-not-active': 'The cycle is not active yet',
  'contribution-not-found': 'Contribution not found',
  'contribution-state': 'The state of the contribution forbids this',
  'payment-not-found': 'Payment not found',
  'payment-differs': 'The payment is known, and differs',
  'payment-state': 'The payment was undone already',
  'payment-too-large': 'The payment is larger than the fund takes',
  'lines-differ': 'The lines do not add up',
  'received-in-future': 'The money cannot have come yet',
  'reversal-needs-reason': 'The reversal needs a reason',
  'member-left': 'The member has left and owes nothing',
  'source-not-found': 'Source of payments not found',
  'source-code-taken': 'The code of the source is taken',
  'account-not-found': 'Money account not found',
  'wallet-too-low': 'The wallet has too little',
  'webhook-not-found': 'Webhook not found',
  'delivery-not-found': 'Delivery not found',
  'delivery-not-dead': 'Only a delivery that is Dead is sent again',
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
  /** When a new try may help. */
  readonly retryAfterSeconds: number | undefined

  /** @param detail one sentence for the user: what is wrong, and what to do about it */
  constructor(
    code: RefusalCode,
    detail: string,
    faults: readonly InputFault[] = [],
    options: ErrorOptions & { retryAfterSeconds?: number } = {},
  ) {
    super(detail, options)
    this.name = 'DomainError'
    this.code = code
    this.faults = faults
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
