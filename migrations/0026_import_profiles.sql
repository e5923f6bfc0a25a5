-- How the files of one source are to be read: what their columns mean, and the order of their dates.
create table import_profiles (
  profile_name text primary key check (length(profile_name) between 1 and 40),
  -- Each `Member No=memberCode`.
  columns text[] not null,
  date_order text check (date_order in ('ymd', 'dmy', 'mdy')),
  saved_by text not null,
  saved_at timestamptz not null default now()
);
