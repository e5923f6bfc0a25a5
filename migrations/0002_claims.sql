-- Death claims, and the codes that number claims and cycles within a calendar year.

create table code_counters (
  prefix text not null,
  year integer not null,
  last_number integer not null,
  primary key (prefix, year)
);

create table claims (
  claim_id uuid primary key default gen_random_uuid(),
  claim_code text not null unique,
  deceased_member_id uuid not null references members,
  date_of_death date not null,
  -- Minor units of the fund's currency.
  benefit_amount bigint not null check (benefit_amount between 1 and 9007199254740991),
  claim_status text not null default 'Submitted' check (claim_status in ('Submitted', 'Approved', 'Rejected')),
  submitted_by text not null,
  submitted_at timestamptz not null default now(),
  approved_by text,
  approved_at timestamptz,
  rejected_by text,
  rejected_at timestamptz,
  rejection_reason text,
  check ((claim_status = 'Approved') = (approved_at is not null)),
  check ((claim_status = 'Rejected') = (rejected_at is not null))
);

-- A member dies once.
create unique index claims_one_per_deceased on claims (deceased_member_id) where claim_status <> 'Rejected';
