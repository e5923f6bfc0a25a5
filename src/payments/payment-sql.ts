import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { PaymentSources, Payments } from '../platform/database/schema.ts'
import { codeRule } from '../platform/values/text-rules.ts'
import type { PaymentMethod, PaymentStatus } from './payment-rules.ts'

export type SourceRow = Selectable<PaymentSources>
export type SourceView = SourceRow & { accountCode: string }

const sources = (db: Db) =>
  db
    .selectFrom('paymentSources as s')
    .innerJoin('moneyAccounts as a', 'a.accountId', 's.accountId')
    .selectAll('s')
    .select('a.accountCode')

/** All sources, by code: a fund has a handful, and an agent each. */
export async function findSources(db: Db): Promise<SourceView[]> {
  return sources(db).orderBy('s.sourceCode').execute()
}

/** By its code, written in capitals or not. */
export async function findSource(db: Db, sourceCode: string): Promise<SourceView | undefined> {
  return sources(db)
    .where(sql<boolean>`code_key(s.source_code) = code_key(${codeRule.tidy(sourceCode)})`)
    .executeTakeFirst()
}

export async function findAccountId(db: Db, accountCode: string): Promise<string | undefined> {
  const account = await db
    .selectFrom('moneyAccounts')
    .select('accountId')
    .where(sql<boolean>`code_key(account_code) = code_key(${codeRule.tidy(accountCode)})`)
    .executeTakeFirst()
  return account?.accountId
}

export async function insertAccount(tx: Tx, accountCode: string, accountName: string): Promise<string> {
  const { accountId } = await tx
    .insertInto('moneyAccounts')
    .values({ accountCode, accountName })
    .returning('accountId')
    .executeTakeFirstOrThrow()
  return accountId
}

export async function insertSource(
  tx: Tx,
  source: Pick<SourceRow, 'sourceCode' | 'sourceName' | 'accountId' | 'paymentMethod'>,
): Promise<void> {
  await tx.insertInto('paymentSources').values(source).execute()
}

export interface PaymentLine {
  readonly memberId: string
  /** Minor units. */
  readonly amount: number
  readonly cycleId: string | null
}

export type PaymentRow = Omit<Selectable<Payments>, 'lines'> & {
  paymentMethod: PaymentMethod
  paymentStatus: PaymentStatus
  lines: PaymentLine[] | null
}

/** A payment as the API shows it. */
export type PaymentView = PaymentRow & {
  sourceCode: string
  payerMemberCode: string | null
  payerFullName: string | null
  cycleCode: string | null
  agentCode: string | null
}

export type NewPayment = Pick<
  PaymentRow,
  | 'sourceId'
  | 'reference'
  | 'amount'
  | 'receivedOn'
  | 'paymentMethod'
  | 'payerMemberId'
  | 'payerText'
  | 'cycleId'
  | 'lines'
  | 'agentId'
  | 'recordedBy'
>

/** @returns undefined when the source has told of a payment of this reference before */
export async function insertPayment(tx: Tx, payment: NewPayment): Promise<number | undefined> {
  const inserted = await tx
    .insertInto('payments')
    .values({ ...payment, lines: payment.lines === null ? null : JSON.stringify(payment.lines) })
    .onConflict((conflict) => conflict.expression(sql`source_id, lower(reference)`).doNothing())
    .returning('paymentId')
    .executeTakeFirst()
  return inserted?.paymentId
}

/** Other numbers of the payment: a scheme, and the number in it. */
export interface Identifier {
  readonly scheme: string
  readonly value: string
}

/** Nobody else tells of a payment by one of these numbers until the transaction ends: whoever comes second finds the first. */
export async function lockIdentifiers(
  tx: Tx,
  sourceId: string,
  identifiers: readonly Identifier[],
): Promise<void> {
  await sql`
    select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(jsonb_build_array(${sourceId}::uuid, scheme, lower(value))::text, 0) as key
      from jsonb_to_recordset(${JSON.stringify(identifiers)}::jsonb) as i (scheme text, value text) order by 1
    ) keys`.execute(tx)
}

/** Under their lock. One that is given twice is kept once. */
export async function insertIdentifiers(
  tx: Tx,
  { paymentId, sourceId }: { paymentId: number; sourceId: string },
  identifiers: readonly Identifier[],
): Promise<void> {
  await sql`
    insert into payment_references (payment_id, source_id, scheme, value)
    select distinct on (scheme, lower(value)) ${paymentId}::bigint, ${sourceId}::uuid, scheme, value
    from jsonb_to_recordset(${JSON.stringify(identifiers)}::jsonb) as i (scheme text, value text)`.execute(tx)
}

const paymentViews = sql`
  select p.*, s.source_code, m.member_code as payer_member_code, m.full_name as payer_full_name, c.cycle_code, a.agent_code
  from payments p
  join payment_sources s using (source_id)
  left join members m on m.member_id = p.payer_member_id
  left join contribution_cycles c on c.cycle_id = p.cycle_id
  left join agents a on a.agent_id = p.agent_id`

export async function findPayment(db: Db, paymentId: number): Promise<PaymentView | undefined> {
  const { rows } = await sql<PaymentView>`${paymentViews} where p.payment_id = ${paymentId}`.execute(db)
  return rows[0]
}

/** The payment that the source knows by this reference, or by one of these other numbers. */
export async function findKnownPayment(
  db: Db,
  sourceId: string,
  reference: string,
  identifiers: readonly Identifier[],
): Promise<PaymentView | undefined> {
  const { rows } = await sql<PaymentView>`
    ${paymentViews}
    where p.payment_id = (
      select payment_id from payments where source_id = ${sourceId} and lower(reference) = lower(${reference})
      union
      select r.payment_id from payment_references r
      join jsonb_to_recordset(${JSON.stringify(identifiers)}::jsonb) as i (scheme text, value text)
        on r.source_id = ${sourceId} and r.scheme = i.scheme and lower(r.value) = lower(i.value)
      limit 1
    )`.execute(db)
  return rows[0]
}

/** Nobody else undoes the payment until the transaction ends. */
export async function lockPayment(tx: Tx, paymentId: number): Promise<PaymentRow | undefined> {
  const { rows } = await sql<PaymentRow>`
    select * from payments where payment_id = ${paymentId} for update`.execute(tx)
  return rows[0]
}

export async function undoPayment(
  tx: Tx,
  paymentId: number,
  undone: { paymentStatus: 'Voided' | 'Reversed'; reversedBy: string; reversalReason: string | null },
): Promise<void> {
  await tx
    .updateTable('payments')
    .set({ ...undone, reversedAt: sql`now()` })
    .where('paymentId', '=', paymentId)
    .execute()
}

/** Removes what the member's payments call their payer. */
export async function blankPayerTexts(tx: Tx, memberId: string): Promise<void> {
  await tx
    .updateTable('payments')
    .set({ payerText: null })
    .where('payerMemberId', '=', memberId)
    .where('payerText', 'is not', null)
    .execute()
}

/** Ids of other payments of that payer, day and amount which were not undone: perhaps the same money told twice. */
export async function findAlike(
  db: Db,
  payment: { paymentId: number; payerMemberId: string; receivedOn: string; amount: number },
): Promise<number[]> {
  const rows = await db
    .selectFrom('payments')
    .select('paymentId')
    .where('payerMemberId', '=', payment.payerMemberId)
    .where('receivedOn', '=', payment.receivedOn)
    .where('amount', '=', payment.amount)
    .where('paymentStatus', '=', 'Posted')
    .where('paymentId', '<>', payment.paymentId)
    .orderBy('paymentId')
    .limit(10)
    .execute()
  return rows.map(({ paymentId }) => paymentId)
}

export interface PaymentFilter {
  readonly sourceId?: string | undefined
  readonly memberId?: string | undefined
  readonly cycleId?: string | undefined
  readonly status?: PaymentStatus | undefined
  readonly reference?: string | undefined
}

/** A page of payments, newest first, before the given one. */
export async function findPayments(
  db: Db,
  { sourceId, memberId, cycleId, status, reference }: PaymentFilter,
  page: { before?: number | undefined; limit: number },
): Promise<PaymentView[]> {
  const { rows } = await sql<PaymentView>`
    ${paymentViews}
    where ${sourceId === undefined ? sql`true` : sql`p.source_id = ${sourceId}`}
      and ${
        memberId === undefined
          ? sql`true`
          : sql`p.payment_id in (
              select payment_id from payments where payer_member_id = ${memberId}
              union select payment_id from transfers where member_id = ${memberId})`
      }
      and ${
        cycleId === undefined
          ? sql`true`
          : sql`exists (select from transfers t where t.payment_id = p.payment_id and t.cycle_id = ${cycleId})`
      }
      and ${status === undefined ? sql`true` : sql`p.payment_status = ${status}`}
      and ${reference === undefined ? sql`true` : sql`lower(p.reference) = lower(${reference})`}
      and ${page.before === undefined ? sql`true` : sql`p.payment_id < ${page.before}`}
    order by p.payment_id desc limit ${page.limit}`.execute(db)
  return rows
}

export interface Payer {
  memberId: string
  memberCode: string
  memberStatus: 'Active' | 'Deceased' | 'Inactive' | 'Suspended'
  agentId: string | null
  erasedAt: string | null
}

/** Those of the members who are on the register, in the order of their keys. */
export async function findPayers(db: Db, memberIds: readonly string[]): Promise<Payer[]> {
  return db
    .selectFrom('members')
    .select(['memberId', 'memberCode', 'memberStatus', 'agentId', 'erasedAt'])
    .where('memberId', 'in', [...memberIds])
    .orderBy('memberId')
    .execute()
}

/** Cycles that are Active and for which one of the members has a contribution. */
export async function findCyclesOf(db: Db, memberIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ cycleId: string }>`
    select c.cycle_id from contribution_cycles c
    where c.cycle_status = 'Active' and exists (
      select from member_contributions mc where mc.cycle_id = c.cycle_id and mc.member_id = any(${[...memberIds]}::uuid[])
    )`.execute(db)
  return rows.map(({ cycleId }) => cycleId)
}

/**
 * Nobody else pays or waives what the members still owe in these cycles until the transaction ends. The caller holds the cycles.
 */
export async function lockOwed(
  tx: Tx,
  memberIds: readonly string[],
  cycleIds: readonly string[],
): Promise<void> {
  await sql`
    select from member_contributions
    where cycle_id = any(${[...cycleIds]}::uuid[]) and member_id = any(${[...memberIds]}::uuid[])
    order by cycle_id, member_id for update`.execute(tx)
}

export interface AllocatedLine {
  lineNo: number
  memberId: string
  /** Null: it goes to the wallet. */
  cycleId: string | null
  amount: number
}

/**
 * Shares the lines of members out over what they owe in Active cycles: `allocate` of the rules for a set. The lines of a member, and what
 * the member owes, are laid end to end; where the two overlap, the one pays the other.
 *
 * @param lines in the order in which they came
 */
export async function allocateLines(db: Db, lines: readonly PaymentLine[]): Promise<AllocatedLine[]> {
  const rows = lines.map(({ memberId, amount, cycleId }, lineNo) => ({
    line_no: lineNo,
    member_id: memberId,
    amount,
    cycle_id: cycleId,
  }))
  const { rows: allocated } = await sql<AllocatedLine>`
    with lines as (
      select line_no, member_id, amount, cycle_id
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as l (line_no bigint, member_id uuid, amount bigint, cycle_id uuid)
    ),
    owed as (
      select l.member_id, c.cycle_id, mc.due_date, date_trunc('milliseconds', c.created_at) as created_at,
        mc.contribution_amount - mc.paid_amount as owed
      from (select distinct member_id from lines) l
      join contribution_cycles c on c.cycle_status = 'Active'
      -- Looked up one by one: of a cycle that has just begun the planner knows nothing, and would read all of it.
      cross join lateral (
        select due_date, contribution_amount, paid_amount from member_contributions
        where cycle_id = c.cycle_id and member_id = l.member_id and contribution_status in ('Pending', 'Failed')
        offset 0
      ) mc
    ),
    named as (
      select l.line_no, l.member_id, l.cycle_id,
        greatest(0, least(l.amount, o.owed - (sum(l.amount) over (partition by l.member_id, l.cycle_id order by l.line_no) - l.amount))) as share
      from lines l join owed o using (member_id, cycle_id)
    ),
    lines_left as (
      select l.line_no, l.member_id, l.amount - coalesce(n.share, 0) as amount,
        sum(l.amount - coalesce(n.share, 0)) over (partition by l.member_id order by l.line_no) as ends_at
      from lines l left join named n using (line_no)
    ),
    owed_left as (
      select o.member_id, o.cycle_id, o.owed - coalesce(n.share, 0) as owed,
        sum(o.owed - coalesce(n.share, 0)) over (partition by o.member_id order by o.due_date, o.created_at, o.cycle_id) as ends_at
      from owed o
      left join (select member_id, cycle_id, sum(share) as share from named group by 1, 2) n using (member_id, cycle_id)
    ),
    shares as (
      select line_no, member_id, cycle_id, share from named where share > 0
      union all
      select l.line_no, l.member_id, o.cycle_id,
        least(l.ends_at, o.ends_at) - greatest(l.ends_at - l.amount, o.ends_at - o.owed)
      from lines_left l join owed_left o using (member_id)
      where least(l.ends_at, o.ends_at) > greatest(l.ends_at - l.amount, o.ends_at - o.owed)
    ),
    allocated as (
      select line_no, member_id, cycle_id, sum(share) as amount from shares group by 1, 2, 3
      union all
      select l.line_no, l.member_id, null, l.amount - coalesce(s.share, 0)
      from lines l left join (select line_no, sum(share) as share from shares group by 1) s using (line_no)
      where l.amount > coalesce(s.share, 0)
    )
    select line_no, member_id, cycle_id, amount::bigint from allocated
    order by line_no, cycle_id nulls last`.execute(db)
  return allocated
}

/** Which of the members the cycle asks, or has asked. */
export async function findAsked(db: Db, cycleId: string, memberIds: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('memberContributions')
    .select('memberId')
    .where('cycleId', '=', cycleId)
    .where('memberId', 'in', [...memberIds])
    .execute()
  return rows.map(({ memberId }) => memberId)
}

/** What was collected for a cycle on each day, oldest first. */
export async function findCollectedByDay(
  db: Db,
  cycleId: string,
): Promise<{ day: string; amount: number; payments: number }[]> {
  const { rows } = await sql<{ day: string; amount: number; payments: number }>`
    select effective_on as day, sum(case when reverses is null then amount else -amount end)::bigint as amount,
      count(*) filter (where reverses is null) as payments
    from transfers where cycle_id = ${cycleId} group by 1 order by 1`.execute(db)
  return rows
}
