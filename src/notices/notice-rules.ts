export const noticeKinds = [
  'cycle-ready',
  'cycle-failed',
  'agent-digest',
  'webhook-disabled',
  // To a program and not to a person.
  'webhook',
] as const
export type NoticeKind = (typeof noticeKinds)[number]
