import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../platform/database/connect.ts'

/** What must hold of the money (docs/money.md), and a row for each place where it does not. */
const invariants: readonly (readonly [name: string, promise: string, exceptions: RawBuilder<unknown>])[] = [
  [
    'P1',
    'one payment for a source and reference',
    sql`select min(payment_id)::text as what from payments group by source_id, lower(reference) having count(*) > 1`,
  ],
  [
    'P2',
    'what a payment brought is what was applied, kept in wallets and held in suspense',
    sql`
      select 'payment ' || p.payment_id as what
      from payments p
      left join (
        select payment_id, sum(amount) filter (where reverses is null) as moved,
          coalesce(sum(amount) filter (where reverses is not null), 0) as reversed
        from transfers where payment_id is not null group by 1
      ) t using (payment_id)
      where t.moved is distinct from p.amount
        or t.reversed <> case when p.payment_status = 'Posted' then 0 else p.amount end`,
  ],
  [
    'P3',
    'what is paid of a contribution is the sum of its transfers, and it is Paid if and only if that covers it',
    sql`
      select 'contribution ' || c.cycle_code || '/' || m.member_code as what
      from (
        select cycle_id, member_id, sum(case when reverses is null then amount else -amount end) as paid
        from transfers where cycle_id is not null group by 1, 2
      ) t
      full join (
        select cycle_id, member_id, paid_amount, contribution_status, contribution_amount from member_contributions
        where paid_amount <> 0 or contribution_status = 'Paid'
      ) mc using (cycle_id, member_id)
      left join contribution_cycles c using (cycle_id)
      left join members m using (member_id)
      where coalesce(t.paid, 0) <> coalesce(mc.paid_amount, 0)
        or (mc.contribution_status = 'Paid') <> (mc.paid_amount >= mc.contribution_amount)`,
  ],
  [
    'P4',
    'a wallet is never below zero, and has what its transfers say',
    sql`
      select 'wallet of ' || m.member_code as what
      from (
        select owner, sum(amount) as balance from (
          select credit_owner as owner, amount from transfers where credit_account = 'Wallet'
          union all
          select debit_owner, -amount from transfers where debit_account = 'Wallet'
        ) moved group by 1
      ) t
      full join wallets w on w.member_id = t.owner
      left join members m on m.member_id = coalesce(w.member_id, t.owner)
      where coalesce(t.balance, 0) <> coalesce(w.balance, 0) or w.balance < 0`,
  ],
  [
    'P7',
    'a transfer is reversed at most once, in full, the other way',
    sql`
      select 'transfer ' || r.transfer_id as what
      from transfers r join transfers t on t.transfer_id = r.reverses
      where t.reverses is not null
        or (r.transfer_code, r.debit_account, r.debit_owner, r.credit_account, r.credit_owner, r.amount)
          <> (t.transfer_code, t.credit_account, t.credit_owner, t.debit_account, t.debit_owner, t.amount)
        or (r.cycle_id, r.member_id, r.payment_id) is distinct from (t.cycle_id, t.member_id, t.payment_id)
      union all
      select 'transfer ' || reverses from transfers where reverses is not null group by reverses having count(*) > 1`,
  ],
  [
    'P11',
    'each account belongs to somebody who is there, so that the balances of all accounts add up to zero',
    sql`
      select account || ' ' || owner as what
      from (
        select debit_account as account, debit_owner as owner from transfers
        union select credit_account, credit_owner from transfers
      ) a
      where not case account
        when 'Money' then exists (select from money_accounts where account_id = owner)
        when 'Suspense' then exists (select from payment_sources where source_id = owner)
        when 'Wallet' then exists (select from members where member_id = owner)
        when 'Proceeds' then exists (select from contribution_cycles where cycle_id = owner)
        else false end`,
  ],
]

export interface LedgerFinding {
  /** `P3` */
  readonly invariant: string
  /** What it promises, in a sentence. */
  readonly promise: string
  /** Where it does not hold: codes and numbers, at most so many; none is good. */
  readonly exceptions: readonly string[]
}

/**
 * Asks of the money what must hold of it. Whatever was killed, repeated or late, it holds (P12).
 *
 * @param limit exceptions of each that are named at most
 */
export async function proveLedger(db: Db, limit: number): Promise<LedgerFinding[]> {
  const findings: LedgerFinding[] = []
  for (const [invariant, promise, exceptions] of invariants) {
    const { rows } = await sql<{ what: string | null }>`
      select what from (${exceptions}) found order by what limit ${limit}`.execute(db)
    findings.push({ invariant, promise, exceptions: rows.map(({ what }) => what ?? 'unknown') })
  }
  return findings
}
