-- A claim rests on what the register said when it was submitted: later changes of the register change neither claim nor cycle.
alter table claims
  add column deceased_full_name text,
  add column tier_id uuid references tiers,
  add column joined_on date,
  -- Whether the deceased was in good standing on the day of death; null: from before this was kept.
  add column in_standing boolean,
  -- Why a claim was approved though the deceased was not, or though the register says otherwise by now.
  add column approval_reason text check (length(approval_reason) between 1 and 200),
  -- What the member was before, should the death be undone.
  add column status_before text,
  add column revoked_by text,
  add column revoked_at timestamptz,
  add column revocation_reason text;
update claims c set deceased_full_name = m.full_name, tier_id = m.tier_id, joined_on = m.joined_on
  from members m where m.member_id = c.deceased_member_id;

alter table claims
  drop constraint claims_claim_status_check,
  drop constraint claims_check,
  add constraint claims_claim_status_check
    check (claim_status in ('Submitted', 'Approved', 'Rejected', 'Revoked')),
  add constraint claims_approved_check check ((claim_status in ('Approved', 'Revoked')) = (approved_at is not null)),
  add constraint claims_revoked_check check ((claim_status = 'Revoked') = (revoked_at is not null));

-- A member dies once; a death that was undone was none.
drop index claims_one_per_deceased;
create unique index claims_one_per_deceased on claims (deceased_member_id)
  where claim_status not in ('Rejected', 'Revoked');

-- What one person has asked for and another has to approve. An approval is of a content: if that has changed, it is void.
create table approvals (
  approval_id uuid primary key default gen_random_uuid(),
  approval_kind text not null,
  subject uuid not null,
  content jsonb not null,
  reason text not null check (length(reason) between 1 and 200),
  requested_by text not null,
  requested_at timestamptz not null default now(),
  decided_by text,
  decided_at timestamptz,
  decision text check (decision in ('Approved', 'Withdrawn')),
  check ((decision is null) = (decided_at is null))
);
create unique index approvals_one_open on approvals (approval_kind, subject) where decision is null;
create trigger approvals_kept before delete or truncate on approvals
  for each statement execute function refuse_change();

-- Where the register held the member at an instant. Of a time before it knew the member, what it first said counts: a fund that has
-- just put its members on the register may have a death of last week.
create function standing_at(member uuid, at timestamptz) returns table (tier_id uuid, in_standing boolean)
language sql stable as $$
  select coalesce(held.tier_id, last.tier_id, m.tier_id), held.tier_id is not null
  from members m
  left join lateral (
    select s.tier_id from standings s
    where s.member_id = m.member_id and s.valid_to > at
      and (s.valid_from <= at or at < m.created_at and s.valid_from < m.created_at + interval '1 hour')
    order by s.valid_from limit 1
  ) held on true
  left join lateral (
    select s.tier_id from standings s where s.member_id = m.member_id and s.valid_from <= at order by s.valid_from desc limit 1
  ) last on true
  where m.member_id = member
$$;
