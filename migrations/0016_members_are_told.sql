-- Members are told too where the fund wants it, and people by more than e-mail, each as she wishes.

alter table fund
  add column agent_channels text[] not null default '{email}'
    check (agent_channels <@ array['email', 'sms', 'whatsapp']),
  -- Empty: members are not written to.
  add column member_channels text[] not null default '{}'
    check (member_channels <@ array['email', 'sms', 'whatsapp']);

alter table notices
  drop constraint notices_notice_kind_check,
  add constraint notices_notice_kind_check check (
    notice_kind in ('cycle-ready', 'cycle-failed', 'agent-digest', 'member-notice', 'webhook-disabled', 'webhook')
  );

alter table deliveries
  drop constraint deliveries_channel_check,
  add constraint deliveries_channel_check check (channel in ('email', 'sms', 'whatsapp', 'webhook')),
  -- One of very many: those to agents and admins go first.
  add column is_bulk boolean not null default false;
drop index deliveries_due;
create index deliveries_due on deliveries (channel, is_bulk, not_before) where delivery_status = 'Pending';

alter table notice_templates
  drop constraint notice_templates_notice_kind_check,
  add constraint notice_templates_notice_kind_check
    check (notice_kind in ('cycle-ready', 'cycle-failed', 'agent-digest', 'member-notice', 'webhook-disabled')),
  -- A letter is mailed; what is short goes to telephones and has no subject.
  add column form text not null default 'letter' check (form in ('letter', 'short')),
  drop constraint notice_templates_pkey,
  add primary key (notice_kind, form, language);

-- How a user, an agent or a member wants to be written to, where it is not as the fund has it.
create table notice_preferences (
  recipient_id uuid primary key,
  language text check (language in ('en', 'hi')),
  refused_channels text[] not null default '{}' check (refused_channels <@ array['email', 'sms', 'whatsapp']),
  updated_at timestamptz not null default now()
);

-- From when on the next may be sent by a channel that has a pace: what all processes share.
create table channel_paces (
  channel text primary key check (channel in ('email', 'sms', 'whatsapp', 'webhook')),
  next_at timestamptz not null default 'epoch'
);
