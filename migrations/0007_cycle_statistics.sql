-- A new cycle is in no statistics yet, and where every other cycle is, the planner takes it to be empty: it then joins
-- a million rows one by one. Without statistics of the column it reckons with a two-hundredth of the table instead.
alter table member_contributions alter column cycle_id set statistics 0;
