-- Which client key is refused from now on, for good?
update client_keys
set
    revoked_at = $now_us,
    updated_at = $now_us,
    version = version + 1,
    revision = $revision
where id = $id
