-- Which alert is over?
update alerts
set
    closed_at = $now_us,
    sent_at = coalesce(cast($sent_at as bigint), sent_at)
where
    id = $id
    and closed_at is null
