-- How far the total of a cycle may go beyond its target, in percent, when one person starts it.
alter table fund add column start_limit_percent integer not null default 20 check (start_limit_percent between 0 and 1000);
