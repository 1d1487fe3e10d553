-- Which API token has this id?
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
where api_tokens.id = $id
