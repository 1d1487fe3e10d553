-- Whose session is this, if it is not over?
select
    users.email,
    users.role
from sessions
join users
    on users.id = sessions.user_id
where
    sessions.id = $id
    and sessions.expires_at > $now_us
    and sessions.seen_at > $idle_since_us
    and users.disabled_at is null
