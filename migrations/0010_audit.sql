-- The audit trail: every command with whoever gave it, and a chain over all events, so that one that is removed or
-- edited by whatever means is found.

alter table events
  -- A refused request, or a change of the fund, is about no row.
  alter column subject drop not null,
  add column role text,
  -- The API key that spoke for the actor.
  add column via text,
  add column address text,
  add column request_id text;

create index events_by_actor on events (actor, event_id);

-- One link an event, in the order of their commits.
create table event_chain (
  position bigint primary key,
  event_id bigint not null unique,
  digest bytea not null check (length(digest) = 32)
);

create trigger event_chain_append_only before update or delete or truncate on event_chain
  for each statement execute function refuse_change();

-- The digest covers the one before it, so no event changes without all that follow.
create function event_digest(previous bytea, event events) returns bytea language sql stable
set timezone = 'UTC' as $$
  -- Without what is null, so that a column that comes later leaves the digests of older events as they are.
  select sha256(previous || convert_to(jsonb_object_agg(key, value)::text, 'UTF8'))
  from jsonb_each(to_jsonb(event)) where value <> 'null'
$$;

create function chain_event() returns trigger language plpgsql as $$
declare
  last event_chain;
begin
  -- Held for the length of the commit; nothing else is waited for while it is, so nobody waits in a circle.
  perform pg_advisory_xact_lock(hashtextextended('event_chain', 0));
  select * into last from event_chain order by position desc limit 1;
  insert into event_chain (position, event_id, digest)
  values (coalesce(last.position, 0) + 1, new.event_id, event_digest(coalesce(last.digest, ''), new));
  return null;
end $$;

-- At the commit, not at the insert: a long transaction would keep everybody else's events waiting.
create constraint trigger events_chained after insert on events
  deferrable initially deferred for each row execute function chain_event();

-- Events from before the chain.
do $$
declare
  event events;
  last event_chain := (0, 0, '');
begin
  for event in select * from events order by event_id loop
    insert into event_chain (position, event_id, digest)
    values (last.position + 1, event.event_id, event_digest(last.digest, event))
    returning * into last;
  end loop;
end $$;

-- Whoever submits a claim does not approve it, unless the fund has one person only.
alter table fund add column self_approval boolean not null default false;
