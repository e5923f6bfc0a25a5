import { codeRule, emailRule, memberCodeRule, nameRule, phoneRule } from '../platform/values/text-rules.ts'
import type { AgentColumn, MemberColumn } from './column-rules.ts'
import { type DateOrder, readDate } from './import-dates.ts'
import { memberStatuses } from './member-rules.ts'
import { type CellReader, contact, orNothing, required } from './row-check-rules.ts'

/** The reasons that depend on the register; the statements that find these faults get the sentence from here. */
export const registerReasons = {
  unknownTier: 'There is no such tier.',
  unknownAgent: 'There is no such agent.',
  retired: 'It is retired: nobody new comes to it.',
  repeatedCode: 'The member is on line %s already.',
  repeatedAgent: 'The agent is on line %s already.',
  twinInFile: 'The code differs from %s, on line %s, in capitals or leading zeros only.',
  twinOnRegister: 'There is a member %s, whose code differs from this in capitals or leading zeros only.',
  takenAs: 'It is taken as %s, which differs in capitals or leading zeros only.',
  erased: 'The member was erased: nothing can change any more.',
  deceased: 'The member is Deceased: neither status nor tier can change any more.',
  detailOfNobody: 'This says something of an agent, and the agentCode is missing.',
  detailKept: 'Agent %s is there already, and a file of members changes no agent.',
  detailDiffers: 'Of the new agent %s, line %s says something else: that is taken.',
  dies: 'Nobody becomes Deceased by a file: submit a death claim for the member.',
} as const

export interface MemberReading {
  /** The last day on which somebody can have joined, YYYY-MM-DD. */
  readonly today: string
  readonly dateOrder: DateOrder | undefined
}

const trimmed = (text: string) => text.replaceAll(/\p{Cf}/gu, '').trim()

const repeated = (reader: CellReader): CellReader => ({ ...reader, isRepeated: true })

export const memberReaders: Readonly<Record<MemberColumn, CellReader<MemberReading>>> = {
  memberCode: required(memberCodeRule),
  fullName: required(nameRule),
  tier: repeated(required(codeRule)),
  agentCode: repeated(orNothing(required(codeRule), 'agent')),
  status: {
    tidy: trimmed,
    read: (text) => {
      const status = memberStatuses.find((known) => known.toLowerCase() === text.toLowerCase())
      return status === undefined
        ? { value: null, reason: `The status is one of ${memberStatuses.join(', ')}.` }
        : { value: status }
    },
    isRepeated: true,
  },
  joinedOn: {
    tidy: phoneRule.tidy,
    read: (text, { today, dateOrder }) => {
      const found = readDate(text, dateOrder)
      if ('reason' in found) return { value: null, reason: found.reason }
      return found.date > today
        ? { value: null, reason: `Nobody joins in the future; today is ${today}.` }
        : { value: found.date }
    },
    isRepeated: true,
  },
  phone: contact(phoneRule),
  email: contact(emailRule),
  agentName: repeated(orNothing(contact(nameRule), 'name')),
  agentEmail: repeated(contact(emailRule)),
  agentPhone: repeated(contact(phoneRule)),
}

/** A file of agents. */
export const agentReaders: Readonly<Record<AgentColumn, CellReader>> = {
  agentCode: required(codeRule),
  fullName: required(nameRule),
  email: contact(emailRule),
  phone: contact(phoneRule),
}
