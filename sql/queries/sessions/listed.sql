-- Which sessions are not over, latest first, as far as asked for?
select
    sessions.id,
    sessions.user_id,
    sessions.method,
    sessions.created_at,
    sessions.seen_at,
    sessions.expires_at,
    sessions.address,
    sessions.user_agent,
    users.email
from sessions
join users
    on users.id = sessions.user_id
where
    sessions.expires_at > $now_us
    and sessions.seen_at > $idle_since_us
    and (cast($before_id as text) is null or sessions.id < $before_id)
    and (cast($user_id as text) is null or sessions.user_id = $user_id)
    and (cast($own_only as bigint) = 0 or sessions.user_id = cast($own_user_id as text))
order by sessions.id desc
limit $limit
