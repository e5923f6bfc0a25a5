-- What an import did is kept, so that it can be undone while nothing rests on it.
create table imports (
  import_id uuid primary key default gen_random_uuid(),
  -- SHA-256 of the file.
  file_digest text not null check (length(file_digest) = 64),
  -- The members that came with it were created at this very instant.
  imported_at timestamptz not null default now(),
  imported_by text not null,
  counts jsonb not null,
  undone_at timestamptz,
  undone_by text,
  check ((undone_at is null) = (undone_by is null))
);
create index imports_newest on imports (imported_at desc);

-- Members who were updated: what an import changed of each.
create table import_changes (
  import_id uuid not null references imports,
  member_id uuid not null,
  before jsonb not null,
  after jsonb not null,
  primary key (import_id, member_id)
);
create index import_changes_by_member on import_changes (member_id);

-- What a file may say of a member.
create function importable(m members) returns jsonb language sql stable as $$
  select jsonb_build_object('fullName', m.full_name, 'tierId', m.tier_id, 'agentId', m.agent_id, 'memberStatus', m.member_status,
    'joinedOn', m.joined_on, 'phone', m.phone, 'email', m.email)
$$;

create function refuse_unless_erased() returns trigger language plpgsql as $$
begin
  if not is_erased(old.member_id) then
    raise exception 'update of import_changes is refused: it is kept until its member is erased'
      using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger imports_kept before delete or truncate on imports
  for each statement execute function refuse_change();
create trigger import_changes_kept before delete or truncate on import_changes
  for each statement execute function refuse_change();
create trigger import_changes_updated before update on import_changes
  for each row execute function refuse_unless_erased();

-- A member is kept for ever, unless an import put it on the register by mistake and nothing rests on it.
create function refuse_removal_of_member() returns trigger language plpgsql as $$
begin
  if not exists (select from imports i where i.imported_at = old.created_at and i.undone_at = now())
    or old.updated_at <> old.created_at
    or exists (select from claims c where c.deceased_member_id = old.member_id)
    or exists (
      select from contribution_cycles c join member_contributions mc using (cycle_id) where mc.member_id = old.member_id
    )
  then
    raise exception 'delete of members is refused: its rows are kept for ever' using errcode = 'restrict_violation';
  end if;
  return old;
end $$;
create function refuse_removal_of_standing() returns trigger language plpgsql as $$
begin
  if exists (select from members m where m.member_id = old.member_id) then
    raise exception 'delete of standings is refused: its rows are kept for ever' using errcode = 'restrict_violation';
  end if;
  return old;
end $$;
drop trigger members_kept on members;
drop trigger standings_kept on standings;
create trigger members_kept before truncate on members for each statement execute function refuse_change();
create trigger standings_kept before truncate on standings for each statement execute function refuse_change();
create trigger members_removed before delete on members for each row execute function refuse_removal_of_member();
create trigger standings_removed before delete on standings for each row execute function refuse_removal_of_standing();
