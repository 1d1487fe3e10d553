-- What may a client key do from now on, and whose is it? A pause begins once.
update client_keys
set
    name = $name,
    user_id = $user_id,
    team_id = $team_id,
    spec = $spec,
    tags = $tags,
    locked = $locked,
    paused_at = case when cast($paused_at as bigint) is null then null else coalesce(paused_at, $paused_at) end,
    expires_at = $expires_at,
    updated_at = $now_us,
    version = version + 1,
    revision = $revision
where id = $id
