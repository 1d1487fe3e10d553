-- When was a session last used?
update sessions
set seen_at = $now_us
where
    id = $id
    and seen_at < $now_us
