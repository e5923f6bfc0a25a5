import { type RawBuilder, type Selectable, sql } from 'kysely'
import { retirement } from '../fund/fund-sql.ts'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Agents, Members } from '../platform/database/schema.ts'
import { codeRule, memberCodeRule, phoneRule } from '../platform/values/text-rules.ts'
import { erasedName, type MemberStatus } from './member-rules.ts'

export type AgentRow = Selectable<Agents>
type MemberRow = Selectable<Members>

/** A member as the API shows it: with the codes of tier and agent. */
export type MemberView = MemberRow & { tierCode: string; agentCode: string | null }

export async function insertAgent(
  db: Db,
  agent: Pick<AgentRow, 'agentCode' | 'fullName' | 'email' | 'phone'>,
): Promise<AgentRow> {
  return db.insertInto('agents').values(agent).returningAll().executeTakeFirstOrThrow()
}

/** By its code, written in capitals or not, with leading zeros or without. */
export async function findAgent(db: Db, agentCode: string): Promise<AgentRow | undefined> {
  return db
    .selectFrom('agents')
    .selectAll()
    .where(sql<boolean>`code_key(agent_code) = code_key(${codeRule.tidy(agentCode)})`)
    .orderBy(sql`agent_code <> ${agentCode}`)
    .limit(1)
    .executeTakeFirst()
}

export async function findAgents(db: Db, page: { after?: string; limit: number }): Promise<AgentRow[]> {
  let query = db.selectFrom('agents').selectAll().orderBy('agentCode').limit(page.limit)
  if (page.after !== undefined) query = query.where('agentCode', '>', page.after)
  return query.execute()
}

/** Nobody else adds or changes an agent until the transaction ends. */
export async function holdAgents(tx: Tx): Promise<void> {
  await sql`lock table agents in share row exclusive mode`.execute(tx)
}

/** What codes share that differ in capitals or leading zeros only, by the code. */
export async function findCodeKeys(db: Db, codes: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ code: string; key: string }>`
    select code, code_key(code) as key from unnest(${[...codes]}::text[]) as code`.execute(db)
  return new Map(rows.map(({ code, key }) => [code, key]))
}

/** The agent before a change, locked until the transaction ends. */
export async function lockAgent(tx: Tx, agentId: string): Promise<AgentRow | undefined> {
  return tx.selectFrom('agents').selectAll().where('agentId', '=', agentId).forUpdate().executeTakeFirst()
}

export async function updateAgent(
  tx: Tx,
  agentId: string,
  {
    isRetired,
    ...changes
  }: Partial<Pick<AgentRow, 'fullName' | 'email' | 'phone'>> & { isRetired?: boolean },
): Promise<AgentRow> {
  return tx
    .updateTable('agents')
    .set({ ...changes, ...(isRetired !== undefined && retirement(isRetired)) })
    .where('agentId', '=', agentId)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** @throws the error of the trigger while the agent is used, or was */
export async function deleteAgent(tx: Tx, agentId: string): Promise<void> {
  await tx.deleteFrom('agents').where('agentId', '=', agentId).execute()
}

/** The codes of the tier and the agent, if they are retired. */
export async function findRetired(
  db: Db,
  { tierId, agentId }: { tierId?: string | undefined; agentId?: string | null | undefined },
): Promise<{ tierCode: string | null; agentCode: string | null }> {
  const { rows } = await sql<{ tierCode: string | null; agentCode: string | null }>`
    select
      (select tier_code from tiers where tier_id = ${tierId ?? null}::uuid and retired_at is not null) as tier_code,
      (select agent_code from agents where agent_id = ${agentId ?? null}::uuid and retired_at is not null) as agent_code`.execute(
    db,
  )
  return rows[0] as { tierCode: string | null; agentCode: string | null }
}

/** Whether the agent looks after anybody who has not died. */
export async function hasMembers(db: Db, agentId: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from members where agent_id = ${agentId} and member_status <> 'Deceased') as found`.execute(
    db,
  )
  return rows[0]?.found === true
}

export async function moveMembers(tx: Tx, agentId: string, toAgentId: string | null): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('members')
    .set({ agentId: toAgentId, updatedAt: sql`now()` })
    .where('agentId', '=', agentId)
    .where('memberStatus', '!=', 'Deceased')
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

export type NewMember = Pick<
  MemberRow,
  | 'memberCode'
  | 'fullName'
  | 'tierId'
  | 'agentId'
  | 'walletId'
  | 'memberStatus'
  | 'joinedOn'
  | 'email'
  | 'phone'
>

export async function insertMember(db: Db, member: NewMember): Promise<string> {
  const { memberId } = await db
    .insertInto('members')
    .values(member)
    .returning('memberId')
    .executeTakeFirstOrThrow()
  return memberId
}

/** Locks the member until the transaction ends. */
export async function lockMember(tx: Tx, memberId: string): Promise<void> {
  await sql`select from members where member_id = ${memberId} for update`.execute(tx)
}

/** Changes the member if its status is one of `from`; false when there is no such member in such a status. */
export async function updateMember(
  db: Db,
  memberId: string,
  changes: Partial<Omit<NewMember, 'memberCode'>>,
  from: readonly MemberStatus[],
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('members')
    .set({ ...changes, updatedAt: sql`now()` })
    .where('memberId', '=', memberId)
    .where('memberStatus', 'in', from)
    .where('erasedAt', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Removes the personal data of the member. */
export async function blankMember(tx: Tx, memberId: string): Promise<void> {
  await tx
    .updateTable('members')
    .set({ fullName: erasedName, walletId: null, email: null, phone: null })
    .set({ erasedAt: sql`now()`, updatedAt: sql`now()` })
    .where('memberId', '=', memberId)
    .execute()
}

const memberViews = (db: Db) =>
  db
    .selectFrom('members as m')
    .innerJoin('tiers as t', 't.tierId', 'm.tierId')
    .leftJoin('agents as a', 'a.agentId', 'm.agentId')
    .selectAll('m')
    .select(['t.tierCode', 'a.agentCode'])

export async function findMember(
  db: Db,
  key: { memberId: string } | { memberCode: string },
): Promise<MemberView | undefined> {
  return 'memberId' in key
    ? memberViews(db).where('m.memberId', '=', key.memberId).executeTakeFirst()
    : memberViews(db)
        .where(sql<boolean>`code_key(m.member_code) = code_key(${memberCodeRule.tidy(key.memberCode)})`)
        .orderBy(sql`m.member_code <> ${key.memberCode}`)
        .limit(1)
        .executeTakeFirst()
}

export interface MemberFilter {
  readonly status?: MemberStatus | undefined
  readonly tierId?: string | undefined
  readonly agentId?: string | undefined
  /** The beginning of a member's code. */
  readonly code?: string | undefined
  /** The beginnings of words of a name, the beginning of a code, or the end of a telephone number. */
  readonly q?: string | undefined
}

/** Up to this many results, a search looks up members one by one. */
const searchedByKey = 2_000

/** A page of members by code, after the given one. */
export async function findMembers(
  db: Db,
  filter: MemberFilter,
  page: { after?: string; limit: number },
): Promise<MemberView[]> {
  // A few results are looked up by their key. Of many, a scan of the register soon finds the first.
  const found = filter.q === undefined ? undefined : await findMemberIds(db, filter.q, searchedByKey)
  let query = memberViews(db).orderBy('m.memberCode').limit(page.limit)
  if (page.after !== undefined) query = query.where('m.memberCode', '>', page.after)
  if (filter.status) query = query.where('m.memberStatus', '=', filter.status)
  if (filter.tierId) query = query.where('m.tierId', '=', filter.tierId)
  if (filter.agentId) query = query.where('m.agentId', '=', filter.agentId)
  if (filter.code) query = query.where(sql<boolean>`starts_with(m.member_code, ${filter.code})`)
  if (found?.length === 0) return []
  if (found) query = query.where('m.memberId', 'in', found)
  else if (filter.q !== undefined) query = query.where(isFound(filter.q))
  return query.execute()
}

/**
 * What finds the member `m`: the beginnings of the words of a name (`ash ra` finds Asha Rao), the beginning of a code, or the last
 * digits of a telephone number, five or more. Capitals, accents, leading zeros and how a number is written make no difference.
 */
function searches(text: string): RawBuilder<boolean>[] {
  const code = text.normalize('NFC').replaceAll(/[\s\p{Cf}]/gu, '')
  const phone = phoneRule.tidy(text)
  const digits = phone.replaceAll(/\D/g, '')
  return [
    hasWords(text),
    // Zeros alone would match every code, so they match none.
    ...(/[^0]/.test(code) ? [sql<boolean>`starts_with(code_key(m.member_code), code_key(${code}))`] : []),
    // Only the last nine digits are compared, so a number with or without its country code is found.
    ...(digits.length >= 5 && /^[+0-9 ()-]+$/.test(phone)
      ? [
          sql<boolean>`right(dialled(m.phone), 5) = ${digits.slice(-5)}
            and right(dialled(m.phone), ${Math.min(digits.length, 9)}) = ${digits.slice(-9)}`,
        ]
      : []),
  ]
}

/** Whether the search finds the member `m`. */
export function isFound(text: string): RawBuilder<boolean> {
  return sql<boolean>`(${sql.join(searches(text), sql` or `)})`
}

/**
 * The members that a search finds.
 *
 * @returns undefined when they are more than `most`: whoever wants a page of them had better look one by one
 */
export async function findMemberIds(db: Db, text: string, most: number): Promise<string[] | undefined> {
  const found = searches(text).map(
    (condition) => sql`(select m.member_id from members m where ${condition} limit ${most + 1})`,
  )
  const { rows } = await sql<{ memberId: string }>`${sql.join(found, sql` union `)}`.execute(db)
  return rows.length > most ? undefined : rows.map(({ memberId }) => memberId)
}

/** Whether words of the name begin with those of the text. PostgreSQL takes both apart in the same way. */
function hasWords(text: string): RawBuilder<boolean> {
  const words = text.split(/\s+/).filter((word) => word !== '')
  const query = words.map((word) => `'${word.replaceAll(/['\\]/g, '$&$&')}':*`).join(' & ')
  return sql<boolean>`to_tsvector('simple', fold(m.full_name)) @@ to_tsquery('simple', fold(${query}))`
}

export interface StandingPeriod {
  tierCode: string
  validFrom: string
  /** `infinity` while it lasts. */
  validTo: string
}

/** In which tier the register held the member at the instant, and whether in good standing. */
export async function findStandingAt(
  db: Db,
  memberId: string,
  at: string,
): Promise<{ tierId: string; inStanding: boolean }> {
  const { rows } = await sql<{ tierId: string; inStanding: boolean }>`
    select tier_id, in_standing from standing_at(${memberId}::uuid, ${at}::timestamptz)`.execute(db)
  return rows[0] as { tierId: string; inStanding: boolean }
}

/** When the register held the member as Active, and in which tier; oldest first. */
export async function findStandings(db: Db, memberId: string): Promise<StandingPeriod[]> {
  return db
    .selectFrom('standings as s')
    .innerJoin('tiers as t', 't.tierId', 's.tierId')
    .select(['t.tierCode', 's.validFrom', 's.validTo'])
    .where('s.memberId', '=', memberId)
    .orderBy('s.validFrom')
    .execute()
}
