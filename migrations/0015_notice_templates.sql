-- How letters are worded, where the fund words them itself; and in which language it writes.

alter table fund add column notice_language text not null default 'en' check (notice_language in ('en', 'hi'));

create table notice_templates (
  notice_kind text not null check (notice_kind in ('cycle-ready', 'cycle-failed', 'agent-digest', 'webhook-disabled')),
  language text not null check (language in ('en', 'hi')),
  subject text not null,
  body text not null,
  updated_at timestamptz not null default now(),
  primary key (notice_kind, language)
);
