-- Which login at a provider leads to a user from now on?
insert into identities (provider, subject, user_id, email, created_at, last_login_at)
values ($provider, $subject, $user_id, $email, $now_us, $now_us)
