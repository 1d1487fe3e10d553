-- Which API tokens are refused from now on, because of what became of their user?
update api_tokens
set
    revoked_at = $now_us,
    version = version + 1
where
    user_id = $user_id
    and revoked_at is null
