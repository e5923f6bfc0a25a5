-- The engine's jobs and chunks. It knows no feature: `subject` is whatever the kind works on.

create table jobs (
  job_id uuid primary key default gen_random_uuid(),
  job_kind text not null,
  subject uuid not null,
  params jsonb not null default '{}',
  job_status text not null default 'Queued'
    check (job_status in ('Queued', 'Processing', 'Paused', 'Completed', 'Failed', 'Cancelled')),
  chunk_rows integer,
  -- Null until the job is planned.
  total bigint,
  error text,
  -- Failed attempts to plan or to finish; chunks count their own.
  attempts integer not null default 0,
  created_by text not null,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  -- Set while Processing. Time before it is in running_ms, so pauses count in neither.
  running_since timestamptz,
  running_ms bigint not null default 0,
  completed_at timestamptz
);

create index jobs_live on jobs (created_at) where job_status in ('Queued', 'Processing');
create index jobs_by_subject on jobs (subject);
create index jobs_newest on jobs (created_at desc, job_id desc);

create table job_chunks (
  job_id uuid not null references jobs,
  chunk_no integer not null,
  first_key text not null,
  last_key text not null,
  expected bigint not null check (expected >= 0),
  processed bigint not null default 0,
  chunk_status text not null default 'Pending' check (chunk_status in ('Pending', 'Done', 'Failed')),
  attempts integer not null default 0,
  -- A failed attempt is not tried again before this instant.
  not_before timestamptz,
  error text,
  duration_ms double precision,
  finished_at timestamptz,
  primary key (job_id, chunk_no),
  check (chunk_status <> 'Done' or processed = expected)
);

-- What a row has cost lately, per kind of job: small jobs never warm up, so it is remembered between them.
create table job_costs (
  job_kind text primary key,
  ms_per_row double precision not null
);

-- The one rule for percentages: floor, and 100 is kept for the end, for the last row may be in while finishing
-- can still fail.
create function job_percentage(job_status text, processed bigint, total bigint) returns integer
language sql immutable as $$
  select case
    when job_status = 'Completed' then 100
    when coalesce(total, 0) = 0 then 0
    else least(99, processed * 100 / total)
  end::integer
$$;
