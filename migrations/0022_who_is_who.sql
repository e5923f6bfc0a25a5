-- Who is who: codes that people take for the same are the same, and a member is found as people write names and numbers.

-- What two codes share that differ in capitals or leading zeros only: a spreadsheet makes 31777 of 0031777.
create function code_key(code text) returns text language sql immutable parallel safe as $$
  select ltrim(lower(code), '0')
$$;

-- A name without accents. Vowel signs of other scripts are no accents, and stay. Most names are plain, and are not looked at.
create function fold(name text) returns text language sql immutable parallel safe as $$
  select case
    when octet_length(name) = length(name) then name
    else regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g')
  end
$$;

-- The digits of a number.
create function dialled(phone text) returns text language sql immutable parallel safe as $$
  select translate(phone, '+-() ', '')
$$;

drop index members_by_name;
create index members_by_name on members using gin (to_tsvector('simple', fold(full_name)));
-- By the last digits, for people leave out the country or dial a 0 before a number. Five are enough to find it, and an index of all of
-- them takes an import twice as long.
create index members_by_phone on members (right(dialled(phone), 5)) where phone is not null;
drop index members_by_code_prefix;

-- A fund of before may have such twins: it keeps them, and the doctor names them.
do $$
declare
  is_unique text;
begin
  select case when exists (select from members group by code_key(member_code) having count(*) > 1) then '' else 'unique' end
    into is_unique;
  execute format('create %s index members_by_code_key on members (code_key(member_code) text_pattern_ops)', is_unique);
  select case when exists (select from tiers group by code_key(tier_code) having count(*) > 1) then '' else 'unique' end
    into is_unique;
  execute format('create %s index tiers_by_code_key on tiers (code_key(tier_code))', is_unique);
  select case when exists (select from agents group by code_key(agent_code) having count(*) > 1) then '' else 'unique' end
    into is_unique;
  execute format('create %s index agents_by_code_key on agents (code_key(agent_code))', is_unique);
end $$;
