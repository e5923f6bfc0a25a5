import { bigint, date, pgTable, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'

// The usual tables, as drizzle's documentation writes them: random uuid keys, and foreign keys for every relation.

const tiers = pgTable('tiers', {
  tierId: uuid('tier_id').primaryKey().defaultRandom(),
  tierCode: text('tier_code').notNull().unique(),
})

export const members = pgTable('members', {
  memberId: uuid('member_id').primaryKey().defaultRandom(),
  memberCode: text('member_code').notNull().unique(),
  fullName: text('full_name').notNull(),
  tierId: uuid('tier_id')
    .notNull()
    .references(() => tiers.tierId),
  memberStatus: text('member_status').notNull().default('Active'),
  joinedOn: date('joined_on').notNull(),
})

export const cycles = pgTable('cycles', {
  cycleId: uuid('cycle_id').primaryKey().defaultRandom(),
  tierId: uuid('tier_id')
    .notNull()
    .references(() => tiers.tierId),
})

export const contributions = pgTable(
  'contributions',
  {
    contributionId: uuid('contribution_id').primaryKey().defaultRandom(),
    cycleId: uuid('cycle_id')
      .notNull()
      .references(() => cycles.cycleId),
    memberId: uuid('member_id')
      .notNull()
      .references(() => members.memberId),
    tierId: uuid('tier_id')
      .notNull()
      .references(() => tiers.tierId),
    contributionAmount: bigint('contribution_amount', { mode: 'number' }).notNull(),
    paidAmount: bigint('paid_amount', { mode: 'number' }).notNull().default(0),
    contributionStatus: text('contribution_status').notNull().default('Pending'),
    dueDate: date('due_date').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [unique().on(table.cycleId, table.memberId)],
)

/** The same as statements, as drizzle-kit would generate them, and a tier of members with a cycle to fill. */
export const setUp = (memberCount: number) => `
  create table tiers (tier_id uuid primary key default gen_random_uuid(), tier_code text not null unique);
  create table members (
    member_id uuid primary key default gen_random_uuid(), member_code text not null unique, full_name text not null,
    tier_id uuid not null references tiers, member_status text not null default 'Active', joined_on date not null
  );
  create table cycles (
    cycle_id uuid primary key default gen_random_uuid(), tier_id uuid not null references tiers
  );
  create table contributions (
    contribution_id uuid primary key default gen_random_uuid(), cycle_id uuid not null references cycles,
    member_id uuid not null references members, tier_id uuid not null references tiers,
    contribution_amount bigint not null, paid_amount bigint not null default 0,
    contribution_status text not null default 'Pending', due_date date not null,
    created_at timestamptz not null default now(), unique (cycle_id, member_id)
  );
  insert into tiers (tier_code) values ('A');
  insert into cycles (tier_id) select tier_id from tiers;
  insert into members (member_code, full_name, tier_id, joined_on)
  select 'M-' || lpad(i::text, 8, '0'), 'Member ' || i, tier_id, '2020-01-01'
  from tiers, generate_series(1, ${memberCount}) i`

export type Order = { cycleId: string; tierId: string }

/** One contribution as every one of these approaches writes it. */
export const contributionOf = (order: Order, memberId: string) => ({
  ...order,
  memberId,
  contributionAmount: 10_000,
  dueDate: '2026-12-31',
})
