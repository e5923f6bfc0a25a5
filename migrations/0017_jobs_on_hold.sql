-- Why a job that is Queued or Processing is held back for the moment; null: it is not.
alter table jobs add column hold_reason text;

-- The trace of the request that made the job (W3C traceparent): it goes on in whatever process works on it.
alter table jobs add column trace_parent text;

-- When the next row may be written, where a ceiling of rows a second is set: one row for all processes.
create table row_pace (
  only_row boolean primary key default true check (only_row),
  next_at timestamptz not null default '-infinity'
);
insert into row_pace default values;
