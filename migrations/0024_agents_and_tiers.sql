-- Agents and tiers can be changed: retired when they are no longer used, and removed when they never were.
alter table agents add column retired_at timestamptz;
alter table tiers add column retired_at timestamptz;

-- Who looked after a member until when. The agent of a contribution is the one at the instant its cycle became Active: a member who
-- moves later does not change what an agent had to collect. Only moves are kept, so most members have no row here.
create table agent_moves (
  member_id uuid not null,
  -- The former agent; null: none.
  agent_id uuid,
  moved_at timestamptz not null
);
create index agent_moves_by_member on agent_moves (member_id, moved_at);
create index agent_moves_by_agent on agent_moves (agent_id);
create trigger agent_moves_kept before update or delete or truncate on agent_moves
  for each statement execute function refuse_change();

create function members_moved() returns trigger language plpgsql as $$
begin
  insert into agent_moves (member_id, agent_id, moved_at)
  select o.member_id, o.agent_id, clock_timestamp()
  from old_members o join new_members n using (member_id)
  where o.agent_id is distinct from n.agent_id;
  return null;
end $$;
create trigger members_moved after update on members
  referencing old table as old_members new table as new_members
  for each statement execute function members_moved();

create function is_used(agent uuid, tier uuid) returns boolean language sql stable as $$
  select exists (select from members m where m.agent_id = agent or m.tier_id = tier)
    or exists (select from agent_moves m where m.agent_id = agent)
    or exists (select from users u where u.agent_id = agent)
    or exists (select from notices n where n.recipient_id = agent)
    or exists (select from standings s where s.tier_id = tier)
    or exists (select from claims c where c.tier_id = tier)
$$;
create function refuse_removal_of_used() returns trigger language plpgsql as $$
begin
  -- Whoever is writing members may be writing one of these.
  lock table members in share row exclusive mode;
  if is_used((to_jsonb(old) ->> 'agent_id')::uuid, (to_jsonb(old) ->> 'tier_id')::uuid) then
    raise exception 'delete of % is refused: it is used, or was', tg_table_name using errcode = 'restrict_violation';
  end if;
  return old;
end $$;
drop trigger agents_kept on agents;
drop trigger tiers_kept on tiers;
create trigger agents_kept before truncate or update of agent_id on agents for each statement execute function refuse_change();
create trigger tiers_kept before truncate or update of tier_id on tiers for each statement execute function refuse_change();
create trigger agents_used before delete on agents for each row execute function refuse_removal_of_used();
create trigger tiers_used before delete on tiers for each row execute function refuse_removal_of_used();
