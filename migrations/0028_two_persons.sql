-- More of what one person cannot do alone.

-- An import that changes the status of more members than this share of the register needs another person.
alter table fund add column import_status_limit_percent integer not null default 10
  check (import_status_limit_percent between 0 and 100);

-- Some approvals are carried out later, and once.
alter table approvals add column used_at timestamptz check (used_at is null or decision = 'Approved');

-- Whoever was given a role decides nothing on the first day, unless another admin confirms her. Users of before are settled.
alter table users
  add column role_given_by text,
  -- From when on she decides; null: at once.
  add column settled_at timestamptz;
