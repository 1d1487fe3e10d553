-- What is a saved query from now on?
update saved_queries
set
    name = $name,
    query = $query,
    shared = $shared,
    updated_at = $now_us,
    version = version + 1
where id = $id
