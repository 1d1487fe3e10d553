-- Which API tokens are there, latest first, as far as asked for?
select
    api_tokens.id,
    api_tokens.name,
    api_tokens.prefix,
    api_tokens.last_four,
    api_tokens.user_id,
    users.email,
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
        cast($status as text) is null
        or $status = case
            when api_tokens.revoked_at is not null then 'revoked'
            when api_tokens.expires_at <= cast($now_us as bigint) then 'expired'
            else 'active'
        end
    )
    and (cast($own_only as bigint) = 0 or api_tokens.user_id = cast($own_user_id as text))
order by api_tokens.id desc
limit $limit
