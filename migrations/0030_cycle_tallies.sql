-- Counts leave the row of a cycle while it is Active: a row that every payment updates lets one payment through at a time. The row
-- keeps the counts of the moment the cycle became Active; what has changed since is added up from the tallies, of which each
-- connection writes its own.
create table cycle_tallies (
  cycle_id uuid not null references contribution_cycles,
  shard smallint not null check (shard between 0 and 31),
  pending bigint not null,
  paid bigint not null,
  failed bigint not null,
  waived bigint not null,
  -- Minor units.
  collected bigint not null,
  primary key (cycle_id, shard),
  -- A contribution that leaves one state enters another.
  check (pending + paid + failed + waived = 0)
) with (fillfactor = 50);

create trigger cycle_tallies_kept before delete or truncate on cycle_tallies
  for each statement execute function refuse_change();

-- Each contribution is written twice, when it is created and when it is paid: the second version stands beside the first.
alter table member_contributions set (fillfactor = 50);

alter table member_contributions
  add check (paid_amount between 0 and contribution_amount),
  add check ((contribution_status = 'Paid') = (paid_amount = contribution_amount));

-- Whoever changes contributions, the tallies say so. A cycle that is not Active has its counts in its row: they are written there
-- when it becomes Active, and again when the collecting is over.
create function tally_contributions() returns trigger language plpgsql as $$
begin
  insert into cycle_tallies as t (cycle_id, shard, pending, paid, failed, waived, collected)
  select changed.cycle_id, pg_backend_pid() & 31, pending, paid, failed, waived, collected
  from (
    select cycle_id,
      coalesce(sum(sign) filter (where contribution_status = 'Pending'), 0) as pending,
      coalesce(sum(sign) filter (where contribution_status = 'Paid'), 0) as paid,
      coalesce(sum(sign) filter (where contribution_status = 'Failed'), 0) as failed,
      coalesce(sum(sign) filter (where contribution_status = 'Waived'), 0) as waived,
      sum(sign * paid_amount) as collected
    from (
      select 1 as sign, cycle_id, contribution_status, paid_amount from new_contributions
      union all
      select -1, cycle_id, contribution_status, paid_amount from old_contributions
    ) versions
    group by cycle_id
  ) changed
  join contribution_cycles c using (cycle_id)
  where c.cycle_status = 'Active' and (pending, paid, failed, waived, collected) <> (0, 0, 0, 0, 0)
  order by changed.cycle_id
  on conflict (cycle_id, shard) do update set
    pending = t.pending + excluded.pending,
    paid = t.paid + excluded.paid,
    failed = t.failed + excluded.failed,
    waived = t.waived + excluded.waived,
    collected = t.collected + excluded.collected;
  return null;
end $$;

create trigger contributions_tallied after update on member_contributions
  referencing old table as old_contributions new table as new_contributions
  for each statement execute function tally_contributions();

-- A process of the version before that would still count in the row is refused, and nothing is counted twice.
create function refuse_count_in_row() returns trigger language plpgsql as $$
begin
  raise exception 'the counts of an Active cycle stand in cycle_tallies' using errcode = 'restrict_violation';
end $$;
create trigger contribution_cycles_counted before update on contribution_cycles for each row
  when (old.cycle_status = 'Active' and new.cycle_status = 'Active' and (
    (old.total_members, old.pending_members, old.paid_members, old.failed_members, old.waived_members, old.collected_amount)
    is distinct from
    (new.total_members, new.pending_members, new.paid_members, new.failed_members, new.waived_members, new.collected_amount)
  ))
  execute function refuse_count_in_row();

-- The dead are not asked to pay what they still owe. What they have paid in part stays with the cycle.
create or replace function waive_contributions_of_the_dead() returns trigger language plpgsql as $$
begin
  if not exists (
    select from old_members o join new_members n using (member_id)
    where n.member_status = 'Deceased' and o.member_status <> 'Deceased'
  ) then
    return null;
  end if;

  perform lock_deaths();
  -- In the order in which payments lock them, so that nobody waits in a circle.
  perform from member_contributions mc
  join contribution_cycles c using (cycle_id)
  join new_members n using (member_id)
  where n.member_status = 'Deceased' and c.cycle_status = 'Active' and mc.contribution_status = 'Pending'
  order by mc.cycle_id, mc.member_id for update of mc;
  update member_contributions mc set contribution_status = 'Waived'
  from contribution_cycles c, old_members o join new_members n using (member_id)
  where n.member_status = 'Deceased' and o.member_status <> 'Deceased'
    and c.cycle_status = 'Active'
    and mc.cycle_id = c.cycle_id and mc.member_id = n.member_id and mc.contribution_status = 'Pending';
  return null;
end $$;
