export const noticeKinds = [
  'cycle-ready',
  'cycle-failed',
  'agent-digest',
  'member-notice',
  'webhook-disabled',
  // To a program and not to a person.
  'webhook',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** Ways to people, besides the console. */
export const personalChannels = ['email', 'sms', 'whatsapp'] as const
export type PersonalChannel = (typeof personalChannels)[number]

export const channels = [...personalChannels, 'webhook'] as const
export type Channel = (typeof channels)[number]
