import { personalChannels } from '../fund/fund-rules.ts'

export const noticeKinds = [
  'cycle-ready',
  'cycle-failed',
  'agent-digest',
  'member-notice',
  'webhook-disabled',
  // For a program, not for a person.
  'webhook',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

export const channels = [...personalChannels, 'webhook'] as const
export type Channel = (typeof channels)[number]
