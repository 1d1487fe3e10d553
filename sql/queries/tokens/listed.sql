-- Which API tokens are there, latest first, as far as asked for?
select
    api_tokens.id,
    api_tokens.name,
    api_tokens.prefix,
    api_tokens.last_four,
    api_tokens.user_id,
    users.email,
    users.role,
    api_tokens.scopes,
    api_tokens.created_at,
    api_tokens.expires_at,
    api_tokens.revoked_at,
    api_tokens.last_used_at,
    api_tokens.version
from api_tokens
join users
    on users.id = api_tokens.user_id
where
    (cast($before_id as text) is null or api_tokens.id < $before_id)
    and (cast($user_id as text) is null or api_tokens.user_id = $user_id)
    and (
        cast($usable as bigint) = 0
        or (api_tokens.revoked_at is null and (api_tokens.expires_at is null or api_tokens.expires_at > $now_us))
    )
order by api_tokens.id desc
limit $limit
