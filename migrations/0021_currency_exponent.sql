-- How many decimals the currency has is kept with it: what the runtime says of a currency changes from one version to the next,
-- and amounts with it. A fund of before keeps what its amounts have meant until now, which the program that migrates knows.
alter table fund add column currency_exponent smallint check (currency_exponent between 0 and 4);
update fund set currency_exponent = coalesce(
  (nullif(current_setting('almoner.currency_exponents', true), '')::jsonb ->> currency)::smallint, 2);
alter table fund alter column currency_exponent set not null;

-- A version of before starts cycles without it.
create function fund_currency_exponent() returns smallint language sql stable as $$
  select currency_exponent from fund
$$;
alter table contribution_cycles
  add column currency_exponent smallint not null default fund_currency_exponent()
    check (currency_exponent between 0 and 4);
