import { type Selectable, sql } from 'kysely'
import type { Db } from '../platform/database/connect.ts'
import type { Transfers } from '../platform/database/schema.ts'
import type { AccountKind, TransferCode } from './transfer-rules.ts'

type TransferRow = Selectable<Transfers> & {
  transferCode: TransferCode
  debitAccount: AccountKind
  creditAccount: AccountKind
}

/** A transfer as people read it: with the codes of the owners. */
export interface TransferView extends TransferRow {
  debitCode: string
  creditCode: string
  cycleCode: string | null
  memberCode: string | null
}

/** By what people know an owner: the code of a money account, a source, a member or a cycle. */
const ownerCode = (account: string, owner: string) => sql`
  case ${sql.ref(account)}
    when 'Money' then (select account_code from money_accounts where account_id = ${sql.ref(owner)})
    when 'Suspense' then (select source_code from payment_sources where source_id = ${sql.ref(owner)})
    when 'Wallet' then (select member_code from members where member_id = ${sql.ref(owner)})
    when 'Proceeds' then (select cycle_code from contribution_cycles where cycle_id = ${sql.ref(owner)})
  end`

const transferViews = sql`
  select t.*, ${ownerCode('t.debitAccount', 't.debitOwner')} as debit_code, ${ownerCode('t.creditAccount', 't.creditOwner')} as credit_code,
    (select cycle_code from contribution_cycles c where c.cycle_id = t.cycle_id) as cycle_code,
    (select member_code from members m where m.member_id = t.member_id) as member_code
  from transfers t`

export interface TransferFilter {
  readonly paymentId?: number | undefined
  readonly memberId?: string | undefined
  readonly cycleId?: string | undefined
}

/** A page of transfers, newest first, before the given one. */
export async function findTransfers(
  db: Db,
  filter: TransferFilter,
  page: { before?: number | undefined; limit: number },
): Promise<TransferView[]> {
  const { rows } = await sql<TransferView>`
    ${transferViews}
    where ${filter.paymentId === undefined ? sql`true` : sql`t.payment_id = ${filter.paymentId}`}
      and ${filter.memberId === undefined ? sql`true` : sql`t.member_id = ${filter.memberId}`}
      and ${filter.cycleId === undefined ? sql`true` : sql`t.cycle_id = ${filter.cycleId}`}
      and ${page.before === undefined ? sql`true` : sql`t.transfer_id < ${page.before}`}
    order by t.transfer_id desc limit ${page.limit}`.execute(db)
  return rows
}

/** The transfers of the payment, oldest first. */
export async function findTransfersOfPayment(db: Db, paymentId: number): Promise<TransferView[]> {
  const { rows } = await sql<TransferView>`
    ${transferViews} where t.payment_id = ${paymentId} order by t.transfer_id`.execute(db)
  return rows
}

/** Transfers in the order they were posted, after the given one: for the journal. */
export async function findJournal(db: Db, after: number, limit: number): Promise<TransferView[]> {
  const { rows } = await sql<TransferView>`
    ${transferViews} where t.transfer_id > ${after} order by t.transfer_id limit ${limit}`.execute(db)
  return rows
}

export interface Balance {
  account: AccountKind
  ownerCode: string
  /** Minor units that came to the account, that left it, and the first without the second. */
  debit: number
  credit: number
  balance: number
}

/** What each account holds. Of wallets only the sum, unless they are asked for one by one. */
export async function findBalances(db: Db, { eachWallet }: { eachWallet: boolean }): Promise<Balance[]> {
  const { rows } = await sql<Balance>`
    with sides as (
      select debit_account as account, debit_owner as owner, amount as debit, 0 as credit from transfers
      union all
      select credit_account, credit_owner, 0, amount from transfers
    ),
    sums as (
      select account, case when account = 'Wallet' and not ${eachWallet}::boolean then null else owner end as owner,
        sum(debit)::bigint as debit, sum(credit)::bigint as credit
      from sides group by 1, 2
    )
    select account, coalesce(${ownerCode('account', 'owner')}, 'all') as owner_code, debit, credit, debit - credit as balance
    from sums order by account, owner_code`.execute(db)
  return rows
}
