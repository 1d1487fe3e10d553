-- What has a receiver been told?
update alert_deliveries
set
    delivered_at = $now_us,
    taken_at = null,
    next_at = null,
    retired = null,
    error = $error
where
    id = $id
    and delivered_at is null
