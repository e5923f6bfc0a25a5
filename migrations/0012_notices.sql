-- What somebody must know, each once, and the ways it goes to them.

create table notices (
  notice_id uuid primary key default gen_random_uuid(),
  -- The fact it tells of: it is committed with the notice, or was before; and no event is ever removed.
  event_id bigint not null,
  cycle_id uuid not null references contribution_cycles,
  notice_kind text not null check (notice_kind in ('cycle-ready', 'cycle-failed', 'agent-digest')),
  -- A user of the first two kinds, an agent of the third.
  recipient_id uuid not null,
  -- Of a digest: how many members of hers are asked, and for how much in all. Null until it is made.
  members bigint,
  amount bigint,
  -- Nobody sees it before: a job names its recipients first and makes their notices chunk by chunk.
  made_at timestamptz,
  read_at timestamptz,
  unique (event_id, notice_kind, recipient_id)
);
create index notices_of_recipient on notices (recipient_id, made_at desc, notice_id desc) where made_at is not null;

-- The address of an agent's login, where the register has none.
create index users_by_agent on users (agent_id) where agent_id is not null;

create table deliveries (
  delivery_id uuid primary key default gen_random_uuid(),
  notice_id uuid not null references notices,
  channel text not null check (channel in ('email')),
  delivery_status text not null default 'Pending'
    check (delivery_status in ('Pending', 'Sent', 'Dead', 'Withdrawn')),
  address text not null,
  attempts integer not null default 0,
  -- Not to be taken before: for a while after an attempt that failed, and while somebody is at it.
  not_before timestamptz not null default now(),
  error text,
  -- What the provider calls it.
  provider_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (notice_id, channel)
);
create index deliveries_due on deliveries (not_before) where delivery_status = 'Pending';
create index deliveries_newest on deliveries (created_at desc, delivery_id desc);
