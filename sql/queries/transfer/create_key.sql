-- Which client key is there from now on, as it was elsewhere? Its rules are not its owner's.
insert into client_keys (
    id, name, digest, prefix, last_four, user_id, team_id, spec, tags, locked, paused_at, expires_at, created_at,
    updated_at, revision
)
values (
    $id, $name, $digest, $prefix, $last_four, $user_id, $team_id, $spec, $tags, 1, $paused_at, $expires_at,
    $created_at, $now_us, $revision
)
