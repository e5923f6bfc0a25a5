-- A member who asks to be forgotten. What events say of the person is kept beside the chain, so that it can be destroyed and
-- the chain still holds.

alter table events
  -- Of what is kept in personal_data: the chain covers this, and not the data itself.
  add column personal_digest text check (length(personal_digest) = 64);

create table personal_data (
  event_id bigint primary key,
  member_id uuid not null,
  -- Random: a name that was destroyed cannot be found again by trying names against the digest.
  salt bytea check (length(salt) = 32),
  -- As in the payload: `before` and `after`. Null when it was destroyed.
  data jsonb,
  check ((salt is null) = (data is null))
);
create index personal_data_by_member on personal_data (member_id);

create function personal_digest(salt bytea, data jsonb) returns text language sql immutable as $$
  select encode(sha256(salt || convert_to(data::text, 'UTF8')), 'hex')
$$;

create function with_personal_data(payload jsonb, data jsonb) returns jsonb language sql immutable as $$
  select payload || coalesce(
    (select jsonb_object_agg(key, coalesce(payload -> key, '{}') || value) from jsonb_each(data)), '{}')
$$;

alter table members
  -- When name, telephone and all else that says who it is were removed for good.
  add column erased_at timestamptz;

-- Asked for by one person, and done when another agrees.
create table erasure_requests (
  member_id uuid primary key references members,
  reason text not null check (length(reason) between 1 and 500),
  requested_by text not null,
  requested_at timestamptz not null default now()
);

-- Events from before personal_data have the data in their payload, which the chain covers. These were stripped of it: the
-- chain can no longer tell whether they are as they were, and the doctor says how many they are.
create table redacted_events (
  event_id bigint primary key,
  member_id uuid not null
);

create function is_erased(member uuid) returns boolean language sql stable as $$
  select exists (select from members where member_id = member and erased_at is not null)
$$;

create function refuse_unless_destroyed() returns trigger language plpgsql as $$
begin
  if new.data is not null or (new.event_id, new.member_id) <> (old.event_id, old.member_id)
    or not is_erased(old.member_id)
  then
    raise exception 'update of personal_data is refused: it is kept until its member is erased'
      using errcode = 'restrict_violation';
  end if;
  return new;
end $$;

create function refuse_unless_redacted() returns trigger language plpgsql as $$
begin
  if to_jsonb(new) - 'payload' <> to_jsonb(old) - 'payload' or not exists (
    select from redacted_events r where r.event_id = old.event_id and is_erased(r.member_id)
  ) then
    raise exception 'update of events is refused: its rows are kept for ever' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;

create trigger personal_data_kept before delete or truncate on personal_data
  for each statement execute function refuse_change();
create trigger personal_data_updated before update on personal_data
  for each row execute function refuse_unless_destroyed();
create trigger redacted_events_kept before update or delete or truncate on redacted_events
  for each statement execute function refuse_change();
drop trigger events_append_only on events;
create trigger events_append_only before delete or truncate on events
  for each statement execute function refuse_change();
create trigger events_updated before update on events
  for each row execute function refuse_unless_redacted();
