-- Contribution cycles and their contributions.

create table contribution_cycles (
  cycle_id uuid primary key default gen_random_uuid(),
  cycle_code text not null unique,
  claim_id uuid not null references claims,
  tier_id uuid not null references tiers,
  deceased_member_id uuid not null references members,
  cycle_status text not null default 'Initializing'
    check (cycle_status in ('Initializing', 'Active', 'Completed', 'Failed', 'Cancelled')),
  strategy text not null check (strategy in ('inline', 'queued')),
  currency text not null,
  -- Minor units of `currency`. An apportioned amount is null until planning has counted who shares it.
  contribution_amount bigint check (contribution_amount between 1 and 9007199254740991),
  target_amount bigint not null check (target_amount between 1 and 9007199254740991),
  collected_amount bigint not null default 0 check (collected_amount >= 0),
  -- Local dates of the fund; the zone is frozen, and the instant the deadline's day ends is stored too.
  time_zone text not null,
  start_date date not null,
  deadline date not null check (deadline > start_date),
  deadline_at timestamptz not null,
  eligible_as_of timestamptz not null,
  -- The starting transaction: the roster is settled when every transaction with a smaller id has ended.
  settled_after xid8 not null,
  failure_reason text,
  job_id uuid references jobs,
  total_members bigint not null default 0,
  pending_members bigint not null default 0,
  paid_members bigint not null default 0,
  failed_members bigint not null default 0,
  waived_members bigint not null default 0,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  activated_at timestamptz,
  check (pending_members >= 0 and paid_members >= 0 and failed_members >= 0 and waived_members >= 0),
  check (pending_members + paid_members + failed_members + waived_members = total_members),
  check (cycle_status <> 'Active' or (activated_at is not null and contribution_amount is not null))
);

create unique index contribution_cycles_one_live_per_claim
  on contribution_cycles (claim_id) where cycle_status <> 'Cancelled';
create index contribution_cycles_newest on contribution_cycles (created_at desc, cycle_id desc);

create trigger contribution_cycles_kept before delete or truncate on contribution_cycles
  for each statement execute function refuse_change();

-- Whom a cycle concerns, said once: in standing in the tier at the instant, and not the deceased. A plain SQL
-- function, so that PostgreSQL reads it as part of the statement it stands in.
create function eligible_members(of_tier uuid, as_of timestamptz, deceased uuid)
returns table (member_id uuid) language sql stable as $$
  select s.member_id from standings s
  where s.tier_id = of_tier and s.valid_from <= as_of and s.valid_to > as_of and s.member_id <> deceased
$$;

-- The hot table. One contribution a member a cycle *is* the key; rows come in key order; no foreign key a row
-- (they come from standings, and neither members nor cycles can be deleted).
create table member_contributions (
  cycle_id uuid not null,
  member_id uuid not null,
  contribution_amount bigint not null,
  paid_amount bigint not null default 0,
  due_date date not null,
  contribution_status text not null default 'Pending'
    check (contribution_status in ('Pending', 'Paid', 'Failed', 'Waived')),
  created_at timestamptz not null default now(),
  primary key (cycle_id, member_id)
);

-- Serialises "a member has died" with "a cycle becomes Active": whoever comes second sees the first.
create function lock_deaths() returns void language sql as $$
  select pg_advisory_xact_lock(7231, 1)
$$;

-- The dead are not asked to pay, whoever wrote of their death: a claim, an import or psql. Cycles that are still
-- being created waive theirs when they become Active.
create function waive_contributions_of_the_dead() returns trigger language plpgsql as $$
begin
  if not exists (
    select from old_members o join new_members n using (member_id)
    where n.member_status = 'Deceased' and o.member_status <> 'Deceased'
  ) then
    return null;
  end if;

  perform lock_deaths();
  with waived as (
    update member_contributions mc set contribution_status = 'Waived'
    from contribution_cycles c, old_members o join new_members n using (member_id)
    where n.member_status = 'Deceased' and o.member_status <> 'Deceased'
      and c.cycle_status = 'Active'
      and mc.cycle_id = c.cycle_id and mc.member_id = n.member_id and mc.contribution_status = 'Pending'
    returning mc.cycle_id
  ), waived_of_cycle as (
    select cycle_id, count(*) as members from waived group by cycle_id
  )
  update contribution_cycles c
  set pending_members = c.pending_members - w.members,
      waived_members = c.waived_members + w.members,
      updated_at = now()
  from waived_of_cycle w
  where c.cycle_id = w.cycle_id;
  return null;
end $$;

create trigger members_died after update on members
  referencing old table as old_members new table as new_members
  for each statement execute function waive_contributions_of_the_dead();
