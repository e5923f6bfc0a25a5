-- Who may come in. The first five tables are laid out as better-auth wants them.

create table users (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  email text not null unique check (email = lower(email)),
  email_verified boolean not null,
  image text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  two_factor_enabled boolean,
  role text not null check (role in ('admin', 'treasurer', 'clerk', 'agent', 'auditor')),
  -- An agent sees her own members and no others.
  agent_id uuid references agents,
  disabled_at timestamptz,
  check ((role = 'agent') = (agent_id is not null))
);

create table sessions (
  id uuid primary key default gen_random_uuid(),
  expires_at timestamptz not null,
  token text not null unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null,
  ip_address text,
  user_agent text,
  user_id uuid not null references users on delete cascade
);
create index sessions_by_user on sessions (user_id);

create table accounts (
  id uuid primary key default gen_random_uuid(),
  account_id text not null,
  provider_id text not null,
  user_id uuid not null references users on delete cascade,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null
);
create index accounts_by_user on accounts (user_id);

create table verifications (
  id uuid primary key default gen_random_uuid(),
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index verifications_by_identifier on verifications (identifier);

create table two_factors (
  id uuid primary key default gen_random_uuid(),
  secret text not null,
  backup_codes text not null,
  user_id uuid not null references users on delete cascade,
  verified boolean,
  failed_verification_count integer,
  locked_until timestamptz
);
create index two_factors_by_user on two_factors (user_id);

-- Whoever has acted is named for ever; they are disabled, not deleted.
create trigger users_kept before delete or truncate on users
  for each statement execute function refuse_change();

create table api_keys (
  key_id uuid primary key default gen_random_uuid(),
  key_name text not null check (length(key_name) between 1 and 200),
  -- What of the key may be shown, to tell it from others.
  key_start text not null,
  -- SHA-256: the key is 256 random bits, which no slow hash protects better.
  key_hash bytea not null unique check (length(key_hash) = 32),
  permissions text[] not null check (cardinality(permissions) > 0),
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create trigger api_keys_kept before delete or truncate on api_keys
  for each statement execute function refuse_change();

-- Laid out as rate-limiter-flexible wants it. What is lost in a crash is a count of attempts.
create unlogged table rate_limits (
  key varchar(255) primary key,
  points integer not null default 0,
  expire bigint
);

-- Signs cookies and encrypts second factors where ALMONER_SECRET is not set.
create table access_secret (
  only_row boolean primary key default true check (only_row),
  secret text not null
);
