-- The ledger (docs/money.md): where money can be, and each movement of it.

-- Bank accounts, tills and paybills of the fund.
create table money_accounts (
  account_id uuid primary key default gen_random_uuid(),
  account_code text not null,
  account_name text not null,
  created_at timestamptz not null default now()
);
create unique index money_accounts_by_code on money_accounts (code_key(account_code));

-- Where payments come from, each with its own numbering.
create table payment_sources (
  source_id uuid primary key default gen_random_uuid(),
  source_code text not null,
  source_name text not null,
  account_id uuid not null references money_accounts,
  -- How its payments are made, unless one says otherwise.
  payment_method text not null check (payment_method in ('Cash', 'Bank', 'MobileMoney', 'Cheque')),
  created_at timestamptz not null default now()
);
create unique index payment_sources_by_code on payment_sources (code_key(source_code));

with till as (
  insert into money_accounts (account_code, account_name) values ('TILL', 'Till') returning account_id
)
insert into payment_sources (source_code, source_name, account_id, payment_method)
select 'TILL', 'Till', account_id, 'Cash' from till;

create trigger money_accounts_kept before delete or truncate on money_accounts
  for each statement execute function refuse_change();
create trigger payment_sources_kept before delete or truncate or update of source_id, account_id on payment_sources
  for each statement execute function refuse_change();

-- Money that has come from outside, once. Few foreign keys: neither members nor cycles with payments can be deleted, and asking for
-- each row costs more than the row.
create table payments (
  payment_id bigint generated always as identity primary key,
  source_id uuid not null references payment_sources,
  -- The source's own, or made by whoever recorded it.
  reference text not null check (length(reference) between 1 and 100),
  amount bigint not null check (amount between 1 and 9007199254740991),
  -- The local day on which it came; whether it came in time is decided by it.
  received_on date not null,
  payment_method text not null check (payment_method in ('Cash', 'Bank', 'MobileMoney', 'Cheque')),
  -- Null: several members, or nobody knows whose it is.
  payer_member_id uuid,
  -- The payer as the source calls them.
  payer_text text check (length(payer_text) <= 200),
  -- The contribution it was said to be for: that cycle's.
  cycle_id uuid,
  -- Of a payment for several members: [{memberId, amount, cycleId}], which add up.
  lines jsonb,
  -- The payer's agent on the day it was recorded.
  agent_id uuid,
  payment_status text not null default 'Posted' check (payment_status in ('Posted', 'Voided', 'Reversed')),
  recorded_by text not null,
  recorded_at timestamptz not null default now(),
  reversed_by text,
  reversed_at timestamptz,
  reversal_reason text check (length(reversal_reason) between 1 and 200),
  check ((payment_status = 'Posted') = (reversed_at is null)),
  check ((reversed_at is null) = (reversed_by is null)),
  check ((payment_status = 'Reversed') = (reversal_reason is not null)),
  check (lines is null or payer_member_id is null)
);
-- People copy references in capitals or not.
create unique index payments_by_reference on payments (source_id, lower(reference));
create index payments_by_payer on payments (payer_member_id, received_on);

-- Other numbers by which the source may call the same payment.
create table payment_references (
  source_id uuid not null,
  scheme text not null check (length(scheme) between 1 and 40),
  value text not null check (length(value) between 1 and 100),
  payment_id bigint not null references payments
);
create unique index payment_references_by_value on payment_references (source_id, scheme, lower(value));
create index payment_references_by_payment on payment_references (payment_id);

create table transfers (
  transfer_id bigint generated always as identity primary key,
  -- What kind of movement it is; src/ledger/transfer-rules.ts says what each may move from where to where.
  transfer_code text not null,
  debit_account text not null,
  debit_owner uuid not null,
  credit_account text not null,
  credit_owner uuid not null,
  amount bigint not null check (amount between 1 and 9007199254740991),
  -- The contribution that it pays, or of a reversal no longer pays.
  cycle_id uuid,
  -- Whose money it is.
  member_id uuid,
  payment_id bigint references payments,
  -- The local day to which it belongs in the books.
  effective_on date not null,
  posted_at timestamptz not null default now(),
  posted_by text not null,
  reverses bigint references transfers,
  check (cycle_id is null or member_id is not null),
  constraint transfers_allowed check (
    transfer_code || case when reverses is null
      then ' ' || debit_account || ' ' || credit_account
      else ' ' || credit_account || ' ' || debit_account
    end in (
      'contribution-payment Money Proceeds',
      'wallet-payment Money Wallet',
      'suspense-payment Money Suspense',
      'wallet-refund Wallet Money'
    )
  )
);
create unique index transfers_reversed_once on transfers (reverses) where reverses is not null;
create index transfers_by_payment on transfers (payment_id);
create index transfers_by_member on transfers (member_id, transfer_id);
create index transfers_by_cycle on transfers (cycle_id, effective_on) include (amount, reverses);

-- A member's money that nothing has been asked of yet.
create table wallets (
  member_id uuid primary key,
  balance bigint not null check (balance between 0 and 9007199254740991),
  updated_at timestamptz not null default now()
) with (fillfactor = 50);

-- Contributions that the fund does not ask for, each with its reason.
create table waivers (
  waiver_id bigint generated always as identity primary key,
  cycle_id uuid not null references contribution_cycles,
  member_id uuid not null,
  -- A waiver: it was not asked for. A write-off: it was asked for in vain, and is given up.
  waiver_kind text not null check (waiver_kind in ('Waiver', 'WriteOff')),
  reason text not null check (length(reason) between 1 and 200),
  -- What was still owed.
  amount bigint not null check (amount > 0),
  waived_by text not null,
  waived_at timestamptz not null default now(),
  undone_by text,
  undone_at timestamptz,
  undo_reason text check (length(undo_reason) between 1 and 200),
  check ((undone_at is null) = (undone_by is null) and (undone_at is null) = (undo_reason is null))
);
create unique index waivers_one_live on waivers (cycle_id, member_id) where undone_at is null;

create trigger payments_kept before delete or truncate on payments
  for each statement execute function refuse_change();
create trigger payment_references_kept before update or delete or truncate on payment_references
  for each statement execute function refuse_change();
create trigger transfers_kept before update or delete or truncate on transfers
  for each statement execute function refuse_change();
create trigger wallets_kept before delete or truncate on wallets
  for each statement execute function refuse_change();
create trigger waivers_kept before delete or truncate on waivers
  for each statement execute function refuse_change();

-- What a payment was is kept; it is undone once, and what the payer was called is forgotten with the payer.
create function refuse_change_of_payment() returns trigger language plpgsql as $$
begin
  if to_jsonb(new) - '{payment_status, reversed_by, reversed_at, reversal_reason, payer_text}'::text[]
      <> to_jsonb(old) - '{payment_status, reversed_by, reversed_at, reversal_reason, payer_text}'::text[]
    or old.payment_status <> 'Posted' and to_jsonb(new) - 'payer_text' <> to_jsonb(old) - 'payer_text'
    or new.payer_text is distinct from old.payer_text and (new.payer_text is not null or not is_erased(old.payer_member_id))
  then
    raise exception 'update of payments is refused: what a payment was is kept' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger payments_updated before update on payments
  for each row execute function refuse_change_of_payment();

-- Transfers are written by one door (src/ledger/post.ts), which changes contributions and wallets along with them.
create function refuse_other_doors() returns trigger language plpgsql as $$
begin
  if current_setting('almoner.door', true) is distinct from 'open' then
    raise exception 'insert into transfers is refused: money is moved by post() only' using errcode = 'restrict_violation';
  end if;
  return null;
end $$;
create trigger transfers_posted before insert on transfers
  for each statement execute function refuse_other_doors();

create or replace function refuse_removal_of_member() returns trigger language plpgsql as $$
begin
  if not exists (select from imports i where i.imported_at = old.created_at and i.undone_at = now())
    or old.updated_at <> old.created_at
    or exists (select from claims c where c.deceased_member_id = old.member_id)
    or exists (
      select from contribution_cycles c join member_contributions mc using (cycle_id) where mc.member_id = old.member_id
    )
    or exists (select from payments p where p.payer_member_id = old.member_id)
    or exists (select from transfers t where t.member_id = old.member_id)
  then
    raise exception 'delete of members is refused: its rows are kept for ever' using errcode = 'restrict_violation';
  end if;
  return old;
end $$;

alter table fund
  -- The largest payment that is taken, in minor units; null: any.
  add column payment_limit bigint check (payment_limit between 1 and 9007199254740991);

alter table users drop constraint users_role_check,
  add constraint users_role_check check (role in ('admin', 'treasurer', 'cashier', 'clerk', 'agent', 'auditor'));
