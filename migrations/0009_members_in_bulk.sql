-- What a large import pays for most is looking up the tier and the agent of every row, and keys in no order
-- (docs/decisions/0007-members-in-bulk.md).

-- RFC 9562's version 7, which PostgreSQL has itself only from 18 on: the clock in milliseconds, and the rest by chance.
create function new_member_id() returns uuid language sql volatile as $$
  select (
    lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14)
  )::uuid
$$;
alter table members alter member_id set default new_member_id();

-- What the two foreign keys promised, asked once a statement instead of once a row. It holds without locks because a tier
-- or an agent, once there, stays.
create function members_refer() returns trigger language plpgsql as $$
begin
  if exists (
    select from (select distinct tier_id from new_members) as named
    where not exists (select from tiers t where t.tier_id = named.tier_id)
  ) then
    raise foreign_key_violation using
      message = 'a member is of a tier that does not exist', table = 'members', constraint = 'members_tier_id_fkey';
  end if;
  if exists (
    select from (select distinct agent_id from new_members where agent_id is not null) as named
    where not exists (select from agents a where a.agent_id = named.agent_id)
  ) then
    raise foreign_key_violation using
      message = 'a member has an agent who does not exist', table = 'members', constraint = 'members_agent_id_fkey';
  end if;
  return null;
end $$;

create trigger members_inserted_refer after insert on members
  referencing new table as new_members for each statement execute function members_refer();
create trigger members_updated_refer after update on members
  referencing new table as new_members for each statement execute function members_refer();
create trigger tiers_kept before delete or truncate or update of tier_id on tiers
  for each statement execute function refuse_change();
create trigger agents_kept before delete or truncate or update of agent_id on agents
  for each statement execute function refuse_change();
alter table members drop constraint members_tier_id_fkey, drop constraint members_agent_id_fkey;
