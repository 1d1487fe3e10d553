-- When was an API token last used?
update api_tokens
set last_used_at = $now_us
where id = $id
