-- Which link may be used once from now on?
insert into invitations (digest, purpose, user_id, created_at, expires_at)
values ($digest, $purpose, $user_id, $now_us, $expires_at)
