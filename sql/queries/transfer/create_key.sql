-- Which client key is there from now on, as it was elsewhere?
insert into client_keys (
    id, name, digest, prefix, last_four, user_id, team_id, spec, tags, paused_at, expires_at, created_at, updated_at,
    revision
)
values (
    $id, $name, $digest, $prefix, $last_four, $user_id, $team_id, $spec, $tags, $paused_at, $expires_at, $created_at,
    $now_us, $revision
)
