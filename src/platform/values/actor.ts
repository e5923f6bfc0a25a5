/** Who does something, as the audit trail keeps it. */
export interface Actor {
  /** A name for people: an e-mail address, `cli:ada`, `almoner`. */
  readonly name: string
  /** A role of people and machines; `operator` at the command line, `system` for Almoner itself. */
  readonly role: string
  /** The name of the API key that was used. */
  readonly via: string | null
  /** Where the request came from. */
  readonly address: string | null
  readonly requestId: string | null
}

const nowhere = { via: null, address: null, requestId: null }

/** Almoner itself, in the background. */
export const almoner: Actor = { name: 'almoner', role: 'system', ...nowhere }

/** The person at the command line of the server: everything is allowed, but is recorded with the name. */
export function operator(name: string): Actor {
  return { name, role: 'operator', ...nowhere }
}
