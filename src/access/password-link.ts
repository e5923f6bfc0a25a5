import type { SendMail } from '../platform/mail.ts'
import type { UserRow } from './access-sql.ts'
import type { Identity } from './identity.ts'

export interface LinkDeps {
  readonly identity: Identity
  readonly publicUrl: string
  /** Undefined: no mail can be sent. */
  readonly sendMail: SendMail | undefined
}

/** Somebody new may not look at their mail today. */
const newUserHours = 72
const resetHours = 1

/** The address at which the user sets a password. The token is behind the #, where no server's log sees it. */
export async function makeLink(
  { identity, publicUrl }: Pick<LinkDeps, 'identity' | 'publicUrl'>,
  user: UserRow,
): Promise<string> {
  const token = await identity.createLinkToken(user.userId, user.hasPassword ? resetHours : newUserHours)
  return `${publicUrl}/set-password#${token}`
}

/** Mails the link, or returns it for somebody else to pass on where no mail can be sent. */
export async function sendLink(deps: LinkDeps, user: UserRow): Promise<string | null> {
  const link = await makeLink(deps, user)
  if (!deps.sendMail) return link
  const hours = user.hasPassword ? resetHours : newUserHours
  await deps.sendMail({
    to: user.email,
    subject: 'Set your password for Almoner',
    text: [
      `Dear ${user.name},`,
      '',
      'with this link you set your password:',
      link,
      '',
      `It is good once, and for ${hours === 1 ? 'an hour' : `${hours} hours`}.`,
      'If you did not ask for it, nothing has happened, and you need not do anything.',
    ].join('\n'),
  })
  return null
}
