-- What happens to cycles, told to other programs: a notice for each endpoint, delivered like a letter.

create table webhook_endpoints (
  endpoint_id uuid primary key default gen_random_uuid(),
  url text not null,
  -- Standard Webhooks: what a receiver checks the signature with. Both sign while one takes the place of the other.
  secret text not null,
  previous_secret text,
  previous_until timestamptz,
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  disabled_reason text,
  check ((disabled_at is null) = (disabled_reason is null)),
  check ((previous_secret is null) = (previous_until is null))
);

alter table notices
  drop constraint notices_notice_kind_check,
  add constraint notices_notice_kind_check
    check (notice_kind in ('cycle-ready', 'cycle-failed', 'agent-digest', 'webhook-disabled', 'webhook'));
alter table deliveries
  drop constraint deliveries_channel_check,
  add constraint deliveries_channel_check check (channel in ('email', 'webhook'));

-- By trigger, so that no event is forgotten, whoever writes it: an import, the command line or psql.
create function tell_webhooks() returns trigger language plpgsql as $$
begin
  with told as (
    select e.event_id, c.cycle_id, w.endpoint_id, w.url
    from new_events e
    join contribution_cycles c on c.cycle_id = e.subject
    cross join webhook_endpoints w
    where e.event_name like 'ContributionCycle%' and w.disabled_at is null
  ), made as (
    insert into notices (event_id, cycle_id, notice_kind, recipient_id, made_at)
    select event_id, cycle_id, 'webhook', endpoint_id, clock_timestamp() from told
    returning notice_id, recipient_id
  )
  insert into deliveries (notice_id, channel, address)
  select notice_id, 'webhook', url from made join webhook_endpoints on endpoint_id = recipient_id;
  if found then
    perform pg_notify('almoner_notices', '');
  end if;
  return null;
end $$;

create trigger events_told after insert on events
  referencing new table as new_events
  for each statement execute function tell_webhooks();
