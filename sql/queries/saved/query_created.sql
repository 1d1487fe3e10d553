-- Which saved query is there from now on?
insert into saved_queries (id, user_id, name, query, shared, created_at, updated_at)
values ($id, $user_id, $name, $query, $shared, $now_us, $now_us)
