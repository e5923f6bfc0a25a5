/** Who does something, as the audit trail keeps it. */
export interface Actor {
  /** What people know them by: an e-mail address, `cli:ada`, `almoner`. */
  readonly name: string
  /** A role of people and machines; `operator` at the command line, `system` for Almoner itself. */
  readonly role: string
  /** The name of the API key that spoke for them. */
  readonly via: string | null
  /** Where the request came from. */
  readonly address: string | null
  readonly requestId: string | null
}

const nowhere = { via: null, address: null, requestId: null }

/** Almoner itself, in the background. */
export const almoner: Actor = { name: 'almoner', role: 'system', ...nowhere }

/** Whoever has the machine: nothing above them keeps them from anything, but their name is on it. */
export function operator(name: string): Actor {
  return { name, role: 'operator', ...nowhere }
}
