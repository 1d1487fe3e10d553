-- Which team is there from now on, as it was elsewhere?
insert into teams (id, name, description, created_at, updated_at)
values ($id, $name, $description, $created_at, $now_us)
