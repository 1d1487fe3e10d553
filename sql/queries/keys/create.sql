-- Which client key is there from now on?
insert into client_keys (
    id, name, digest, prefix, last_four, user_id, team_id, spec, tags, locked, paused_at, expires_at, created_at,
    updated_at, revision
)
values (
    $id, $name, $digest, $prefix, $last_four, $user_id, $team_id, $spec, $tags, $locked, $paused_at, $expires_at,
    $now_us, $now_us, $revision
)
