-- Which sessions have had their time?
delete from sessions
where
    expires_at <= $now_us
    or seen_at <= $idle_since_us
