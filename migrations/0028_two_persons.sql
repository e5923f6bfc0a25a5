-- More of what one person cannot do alone.

-- An import that changes the status of more members than this share of the register needs another person.
alter table fund add column import_status_limit_percent integer not null default 10
  check (import_status_limit_percent between 0 and 100);

-- Some approvals are carried out later, and once.
alter table approvals add column used_at timestamptz check (used_at is null or decision = 'Approved');
