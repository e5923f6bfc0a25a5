-- Where the member died, if it is known: the law of some places wants it in what the others are told.
alter table claims add column place_of_death text;
