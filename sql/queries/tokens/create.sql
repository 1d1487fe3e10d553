-- Which API token is there from now on?
insert into api_tokens (id, name, digest, prefix, last_four, user_id, scopes, created_at, expires_at)
values ($id, $name, $digest, $prefix, $last_four, $user_id, $scopes, $now_us, $expires_at)
