-- Which alert is over, and what was known of it in the end?
update alerts
set
    told = $told,
    closed_at = $now_us,
    sent_at = coalesce(cast($sent_at as bigint), sent_at)
where
    id = $id
    and closed_at is null
