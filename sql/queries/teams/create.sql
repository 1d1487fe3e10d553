-- Which team is there from now on?
insert into teams (id, name, description, created_at, updated_at)
values ($id, $name, $description, $now_us, $now_us)
