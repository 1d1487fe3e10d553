-- Which API token is refused from now on, for good?
update api_tokens
set
    revoked_at = $now_us,
    version = version + 1
where
    id = $id
    and revoked_at is null
