-- Whose API token is it, if it may be used?
select
    api_tokens.id,
    api_tokens.name,
    api_tokens.user_id,
    api_tokens.scopes,
    api_tokens.last_used_at,
    users.role
from api_tokens
join users
    on users.id = api_tokens.user_id
where
    api_tokens.digest = $digest
    and api_tokens.revoked_at is null
    and (api_tokens.expires_at is null or api_tokens.expires_at > $now_us)
    and users.disabled_at is null
