/** The usual way to take payments: load the row through an ORM, compare, save, and count in the row of the cycle. */
import { and, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigint, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { contributions, setUp } from './usual-schema.ts'

const payments = pgTable('payments', {
  paymentId: uuid('payment_id').primaryKey().defaultRandom(),
  reference: text('reference').notNull().unique(),
  memberId: uuid('member_id').notNull(),
  cycleId: uuid('cycle_id').notNull(),
  amount: bigint('amount', { mode: 'number' }).notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
})

const cycleCounts = pgTable('cycle_counts', {
  cycleId: uuid('cycle_id').primaryKey(),
  paidMembers: bigint('paid_members', { mode: 'number' }).notNull().default(0),
  collected: bigint('collected', { mode: 'number' }).notNull().default(0),
})

export interface UsualPayments {
  readonly memberIds: readonly string[]
  pay(memberId: string, reference: string, amount: number): Promise<void>
  /** What the counter says was collected, and what the rows of contributions and payments say. */
  readSums(): Promise<[number, number, number]>
  close(): Promise<void>
}

export async function openUsualPayments(
  url: string,
  memberCount: number,
  connections: number,
): Promise<UsualPayments> {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  await pool.query(setUp(memberCount))
  await pool.query(`
    create table payments (
      payment_id uuid primary key default gen_random_uuid(), reference text not null unique,
      member_id uuid not null references members, cycle_id uuid not null references cycles, amount bigint not null,
      created_at timestamptz not null default now()
    );
    create table cycle_counts (
      cycle_id uuid primary key references cycles, paid_members bigint not null default 0, collected bigint not null default 0
    );
    insert into cycle_counts (cycle_id) select cycle_id from cycles;
    insert into contributions (cycle_id, member_id, tier_id, contribution_amount, due_date)
    select cycle_id, member_id, tier_id, 10000, '2026-12-31' from members join cycles using (tier_id)`)
  await pool.query('vacuum (analyze)')
  const db = drizzle({ client: pool })
  const [count] = await db.select().from(cycleCounts)
  const { cycleId } = count as typeof count & object
  const rows = await db.select({ memberId: contributions.memberId }).from(contributions)
  return {
    memberIds: rows.map(({ memberId }) => memberId),
    async pay(memberId, reference, amount) {
      await db.transaction(async (tx) => {
        const [known] = await tx.select().from(payments).where(eq(payments.reference, reference))
        if (known) return
        const [contribution] = await tx
          .select()
          .from(contributions)
          .where(and(eq(contributions.cycleId, cycleId), eq(contributions.memberId, memberId)))
        if (contribution === undefined || contribution.contributionStatus !== 'Pending') {
          throw new Error('nothing is owed')
        }
        await tx.insert(payments).values({ reference, memberId, cycleId, amount })
        const paidAmount = contribution.paidAmount + amount
        const isPaid = paidAmount >= contribution.contributionAmount
        await tx
          .update(contributions)
          .set({ paidAmount, contributionStatus: isPaid ? 'Paid' : 'Pending' })
          .where(eq(contributions.contributionId, contribution.contributionId))
        await tx
          .update(cycleCounts)
          .set({
            collected: sql`${cycleCounts.collected} + ${amount}`,
            paidMembers: sql`${cycleCounts.paidMembers} + ${isPaid ? 1 : 0}`,
          })
          .where(eq(cycleCounts.cycleId, cycleId))
      })
    },
    async readSums() {
      const { rows: sums } = await pool.query(`
        select (select collected from cycle_counts)::float8 as counted,
          (select coalesce(sum(paid_amount), 0) from contributions)::float8 as contributed,
          (select coalesce(sum(amount), 0) from payments)::float8 as paid`)
      return [sums[0].counted, sums[0].contributed, sums[0].paid]
    },
    close: () => pool.end(),
  }
}
