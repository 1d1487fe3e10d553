-- How does an alert stand, now that it was found again?
update alerts
set
    edition = $edition,
    severity = $severity,
    level = $level,
    told = $told,
    seen_at = $now_us,
    sent_at = coalesce(cast($sent_at as bigint), sent_at),
    silenced_at = case when cast($is_heard as bigint) = 1 then null else silenced_at end
where
    id = $id
    and closed_at is null
