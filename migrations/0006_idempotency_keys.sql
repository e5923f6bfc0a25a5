-- Answers given to requests that carried an Idempotency-Key, written in the transaction of the request itself.

create table idempotency_keys (
  idempotency_key text primary key check (length(idempotency_key) between 1 and 255),
  -- SHA-256 of method, path and body: the same key with another request is refused.
  fingerprint text not null,
  status_code integer not null,
  body jsonb not null,
  created_at timestamptz not null default now()
);
