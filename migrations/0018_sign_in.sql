-- A session knows by itself how it was opened; that its user has a second factor by now says nothing about it.
alter table sessions
  -- When a code of the second factor was given in this session; null: the password alone.
  add column second_factor_at timestamptz,
  -- When password and code were last given. What could let somebody else in asks for it to be recent.
  add column confirmed_at timestamptz;

-- Sessions of users with a second factor cannot be told apart any more: they sign in again.
delete from sessions using users where users.id = sessions.user_id and users.two_factor_enabled;

-- Links with which a password is set. They are ours, so that one is written in the transaction of what it is for.
create table password_links (
  -- SHA-256: the token is 256 random bits.
  token_hash bytea primary key check (length(token_hash) = 32),
  user_id uuid not null unique references users,
  expires_at timestamptz not null,
  -- The user has lost the second factor too: using the link removes it.
  ends_second_factor boolean not null
);

-- Codes that were given, right or wrong: none is looked at twice. Kept longer than any code is good for.
create table given_codes (
  user_id uuid not null references users,
  code_hash bytea not null check (length(code_hash) = 32),
  given_at timestamptz not null default now(),
  primary key (user_id, code_hash)
);
