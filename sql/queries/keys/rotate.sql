-- By which secret is a client key known from now on?
update client_keys
set
    digest = $digest,
    prefix = $prefix,
    last_four = $last_four,
    updated_at = $now_us,
    version = version + 1,
    revision = $revision
where id = $id
