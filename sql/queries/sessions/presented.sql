-- Whose session is it that a cookie stands for, if it is not over?
select
    sessions.id,
    sessions.user_id,
    sessions.method,
    sessions.seen_at,
    users.email,
    users.role
from sessions
join users
    on users.id = sessions.user_id
where
    sessions.digest = $digest
    and sessions.expires_at > $now_us
    and sessions.seen_at > $idle_since_us
    and users.disabled_at is null
