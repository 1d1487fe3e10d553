-- Which saved view is there from now on?
insert into saved_views (id, user_id, page, name, query, shared, created_at, updated_at)
values ($id, $user_id, $page, $name, $query, $shared, $now_us, $now_us)
