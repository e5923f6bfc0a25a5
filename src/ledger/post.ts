import { type RawBuilder, sql } from 'kysely'
import { holdCycles } from '../cycles/cycle-sql.ts'
import type { Tx } from '../platform/database/connect.ts'
import { DomainError } from '../platform/values/errors.ts'
import { type Movement, transferRules } from './transfer-rules.ts'

/** Columns of a set of movements, in the order of `Movement`. */
const movementColumns = sql`transfer_code text, debit_owner uuid, credit_owner uuid, amount bigint, cycle_id uuid, member_id uuid,
  payment_id bigint, reverses bigint`

/** Movements that a program holds, as a set that `post` reads. */
function asSet(movements: readonly Movement[]): RawBuilder<unknown> {
  const rows = movements.map((movement) => ({
    transfer_code: movement.transferCode,
    debit_owner: movement.debitOwner,
    credit_owner: movement.creditOwner,
    amount: movement.amount,
    cycle_id: movement.cycleId,
    member_id: movement.memberId,
    payment_id: movement.paymentId,
    reverses: movement.reverses,
  }))
  return sql`select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as movements (${movementColumns})`
}

/**
 * The one door through which money moves. Writes the transfers and, in the same statement, what follows from them: what is paid of the
 * contributions with their states, and the wallets. The counts of the cycles follow by their trigger. All or nothing.
 *
 * Takes a set. Contributions and wallets are locked in the order of their keys, so that two sets wait for each other and never in a circle.
 *
 * @param effectiveOn the local day to which it belongs in the books
 * @param postedBy who moves it
 * @returns how many transfers were written
 * @throws DomainError `cycle-not-active`, and `wallet-too-low` when a wallet has less than is taken from it
 * @throws Error when a contribution that is to be paid is not there, is waived, or owes less: whoever made the set has not held it
 */
export async function post(
  tx: Tx,
  movements: readonly Movement[],
  { effectiveOn, postedBy }: { effectiveOn: string; postedBy: string },
): Promise<number> {
  const set = asSet(movements)
  await holdCycles(
    tx,
    movements.flatMap(({ cycleId }) => cycleId ?? []),
  )
  await sql`
    with m as (${set})
    select set_config('almoner.door', 'open', true),
      (select count(*) from (
        select from member_contributions mc
        where (mc.cycle_id, mc.member_id) in (select cycle_id, member_id from m where cycle_id is not null)
        order by mc.cycle_id, mc.member_id for update
      ) held),
      (select count(*) from (
        select from wallets w
        where w.member_id in (select member_id from m where cycle_id is null and member_id is not null)
        order by w.member_id for update
      ) held)`.execute(tx)
  const { rows } = await sql<Posted>`
    with rules (transfer_code, debit, credit) as (values ${rules}),
    m as materialized (
      select s.*, case when s.reverses is null then r.debit else r.credit end as debit_account,
        case when s.reverses is null then r.credit else r.debit end as credit_account
      from (${set}) s left join rules r using (transfer_code)
    ),
    written as (
      insert into transfers (transfer_code, debit_account, debit_owner, credit_account, credit_owner, amount, cycle_id, member_id,
        payment_id, effective_on, posted_by, reverses)
      select transfer_code, debit_account, debit_owner, credit_account, credit_owner, amount, cycle_id, member_id,
        payment_id, ${effectiveOn}::date, ${postedBy}, reverses
      from m order by cycle_id, member_id
      returning 1
    ),
    paid as (
      select cycle_id, member_id, sum(case when credit_account = 'Proceeds' then amount else -amount end) as change
      from m where cycle_id is not null group by 1, 2
    ),
    contributions as (
      update member_contributions mc set
        paid_amount = mc.paid_amount + p.change,
        contribution_status = case
          when mc.paid_amount + p.change = mc.contribution_amount then 'Paid'
          when mc.contribution_status <> 'Paid' then mc.contribution_status
          -- Nobody who has died is asked again.
          when exists (select from members d where d.member_id = mc.member_id and d.member_status = 'Deceased') then 'Waived'
          else 'Pending' end
      from paid p
      where mc.cycle_id = p.cycle_id and mc.member_id = p.member_id
        and (p.change < 0 or mc.contribution_status in ('Pending', 'Failed'))
        and mc.paid_amount + p.change between 0 and mc.contribution_amount
      returning 1
    ),
    kept as (
      select member_id, sum(case when credit_account = 'Wallet' then amount else -amount end) as change
      from m where 'Wallet' in (debit_account, credit_account) group by 1
    ),
    filled as (
      insert into wallets as w (member_id, balance) select member_id, change from kept where change > 0 order by member_id
      on conflict (member_id) do update set balance = w.balance + excluded.balance, updated_at = now()
    ),
    drawn as (
      update wallets w set balance = w.balance + k.change, updated_at = now()
      from kept k where k.member_id = w.member_id and k.change < 0 and w.balance + k.change >= 0
      returning 1
    )
    select
      (select count(*) from written) as transfers,
      (select count(*) from paid) - (select count(*) from contributions) as refused_contributions,
      (select count(*) from kept where change < 0) - (select count(*) from drawn) as refused_wallets,
      (select string_agg(c.cycle_code, ', ' order by c.cycle_code) from contribution_cycles c
        where c.cycle_status <> 'Active' and c.cycle_id in (select cycle_id from paid)) as closed_cycles`.execute(
    tx,
  )
  const posted = rows[0] as Posted
  if (posted.closedCycles !== null) {
    throw new DomainError(
      'cycle-not-active',
      `Cycle ${posted.closedCycles} is not Active: nothing is paid for it.`,
    )
  }
  if (posted.refusedWallets > 0) {
    throw new DomainError('wallet-too-low', 'The wallet has less than is to be taken from it.')
  }
  if (posted.refusedContributions > 0) {
    throw new Error(`${posted.refusedContributions} contributions are not there, or do not owe so much.`)
  }
  return posted.transfers
}

interface Posted {
  transfers: number
  refusedContributions: number
  refusedWallets: number
  closedCycles: string | null
}

const rules = sql.join(
  Object.entries(transferRules).map(
    ([code, { debit, credit }]) => sql`(${sql.lit(code)}, ${sql.lit(debit)}, ${sql.lit(credit)})`,
  ),
)
