-- The fund, its tiers and agents, its members, and the history of who stood where and when.

create table fund (
  only_row boolean primary key default true check (only_row),
  name text not null check (length(name) between 1 and 200),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  time_zone text not null,
  cycle_code_prefix text not null default 'CC' check (cycle_code_prefix ~ '^[A-Z]{1,8}$'),
  -- Apportioned amounts are rounded up to a multiple of this many minor units.
  rounding_step bigint not null default 1 check (rounding_step > 0)
);

insert into fund (name, currency, time_zone) values ('Mutual aid fund', 'USD', 'UTC');

create table tiers (
  tier_id uuid primary key default gen_random_uuid(),
  tier_code text not null unique check (length(tier_code) between 1 and 40),
  tier_name text not null check (length(tier_name) between 1 and 200),
  -- Minor units of the fund's currency. Null until somebody has decided them.
  contribution_amount bigint check (contribution_amount between 1 and 9007199254740991),
  benefit_amount bigint check (benefit_amount between 1 and 9007199254740991),
  created_at timestamptz not null default now()
);

create table agents (
  agent_id uuid primary key default gen_random_uuid(),
  agent_code text not null unique check (length(agent_code) between 1 and 40),
  full_name text not null check (length(full_name) between 1 and 200),
  email text,
  phone text,
  created_at timestamptz not null default now()
);

create table members (
  member_id uuid primary key default gen_random_uuid(),
  member_code text not null unique check (length(member_code) between 1 and 40),
  full_name text not null check (length(full_name) between 1 and 200),
  tier_id uuid not null references tiers,
  agent_id uuid references agents,
  wallet_id text,
  member_status text not null default 'Active'
    check (member_status in ('Active', 'Suspended', 'Inactive', 'Deceased')),
  joined_on date not null,
  email text,
  phone text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index members_by_agent on members (agent_id);
-- The dead are few and asked for by every cycle that becomes Active.
create index members_deceased on members (member_id) where member_status = 'Deceased';

-- System time: a period opens and closes at the moment the register changes, never backdated, so the answer to
-- "who was Active in tier A at T" never changes once the transactions older than T have ended.
-- valid_to is in the key's index so that planning a cycle reads the index alone.
create table standings (
  tier_id uuid not null,
  member_id uuid not null,
  valid_from timestamptz not null,
  valid_to timestamptz not null default 'infinity',
  primary key (tier_id, member_id, valid_from) include (valid_to),
  check (valid_to > valid_from)
);

-- One stamp a statement: everybody whom one statement registers stands from the same instant. The stamp is
-- taken after the statement's writes, so after the transaction has its id; a cycle's "settled" test needs that.
create function members_inserted() returns trigger language plpgsql as $$
begin
  insert into standings (tier_id, member_id, valid_from)
  select tier_id, member_id, stamp from new_members, clock_timestamp() as stamp
  where member_status = 'Active';
  return null;
end $$;

create function members_updated() returns trigger language plpgsql as $$
declare
  stamp timestamptz := clock_timestamp();
begin
  -- Periods of a member never overlap, even when the server's clock has been set back.
  select greatest(stamp, max(greatest(s.valid_from, nullif(s.valid_to, 'infinity'))) + interval '1 microsecond')
  into stamp
  from old_members o
  join new_members n using (member_id)
  join standings s on s.member_id = n.member_id and s.tier_id in (o.tier_id, n.tier_id)
  where (o.member_status, o.tier_id) is distinct from (n.member_status, n.tier_id);

  update standings s set valid_to = stamp
  from old_members o join new_members n using (member_id)
  where o.member_status = 'Active' and (n.member_status <> 'Active' or n.tier_id <> o.tier_id)
    and s.tier_id = o.tier_id and s.member_id = o.member_id and s.valid_to = 'infinity';

  insert into standings (tier_id, member_id, valid_from)
  select n.tier_id, n.member_id, stamp
  from old_members o join new_members n using (member_id)
  where n.member_status = 'Active' and (o.member_status <> 'Active' or n.tier_id <> o.tier_id);
  return null;
end $$;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: its rows are kept for ever', lower(tg_op), tg_table_name
    using errcode = 'restrict_violation';
end $$;

create trigger members_inserted after insert on members
  referencing new table as new_members for each statement execute function members_inserted();
create trigger members_updated after update on members
  referencing old table as old_members new table as new_members
  for each statement execute function members_updated();
create trigger members_kept before delete or truncate on members
  for each statement execute function refuse_change();
create trigger standings_kept before delete or truncate on standings
  for each statement execute function refuse_change();
