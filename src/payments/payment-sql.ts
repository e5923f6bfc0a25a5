import { type Selectable, sql } from 'kysely'
import type { Db, Tx } from '../platform/database/connect.ts'
import type { Payments } from '../platform/database/schema.ts'
import type { PaymentMethod, PaymentStatus } from './payment-rules.ts'

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

/** The payments that the source knows by this reference, or by one of these other numbers: more than one when they contradict each other. */
export async function findKnownPayments(
  db: Db,
  sourceId: string,
  reference: string,
  identifiers: readonly Identifier[],
): Promise<PaymentView[]> {
  const { rows } = await sql<PaymentView>`
    ${paymentViews}
    where p.payment_id in (
      select payment_id from payments where source_id = ${sourceId} and lower(reference) = lower(${reference})
      union
      select r.payment_id from payment_references r
      join jsonb_to_recordset(${JSON.stringify(identifiers)}::jsonb) as i (scheme text, value text)
        on r.source_id = ${sourceId} and r.scheme = i.scheme and lower(r.value) = lower(i.value)
    )
    order by p.payment_id`.execute(db)
  return rows
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
