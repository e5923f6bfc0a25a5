-- The planner looks at a function's safety before it reads it as part of the statement: without this, no count of a
-- roster used a second processor.
alter function eligible_members(uuid, timestamptz, uuid) parallel safe;
