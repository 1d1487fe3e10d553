-- What has a receiver been told?
update alert_deliveries
set
    delivered_at = $now_us,
    next_at = null,
    error = $error
where id = $id
