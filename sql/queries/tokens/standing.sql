-- What may an API token do at this moment, if it may be used?
select
    api_tokens.scopes,
    users.role
from api_tokens
join users
    on users.id = api_tokens.user_id
where
    api_tokens.id = $id
    and api_tokens.revoked_at is null
    and (api_tokens.expires_at is null or api_tokens.expires_at > $now_us)
    and users.disabled_at is null
