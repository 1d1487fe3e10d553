-- What is a saved view from now on?
update saved_views
set
    name = $name,
    query = $query,
    shared = $shared,
    updated_at = $now_us,
    version = version + 1
where id = $id
