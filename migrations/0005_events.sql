-- Facts, each written in the transaction that made it true: the audit trail and the timeline of a cycle.

create table events (
  event_id bigint generated always as identity primary key,
  event_name text not null,
  subject uuid not null,
  payload jsonb not null default '{}',
  at timestamptz not null default clock_timestamp(),
  actor text not null
);

create index events_by_subject on events (subject, event_id);
-- These are true once in the life of their subject; a second one is an alarm.
create unique index events_true_once on events (subject, event_name)
  where event_name in ('ContributionCycleInitiated', 'ContributionCycleActivated', 'ContributionCycleCancelled');

create trigger events_append_only before update or delete or truncate on events
  for each statement execute function refuse_change();
