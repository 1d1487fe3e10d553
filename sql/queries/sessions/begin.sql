-- Which session begins?
insert into sessions (id, digest, user_id, method, created_at, seen_at, expires_at, address, user_agent)
values ($id, $digest, $user_id, $method, $now_us, $now_us, $expires_at, $address, $user_agent)
