-- By which digest is a client key found from now on?
update client_keys
set
    digest = $digest,
    prefix = $prefix,
    last_four = $last_four
where id = $id
