-- What could a receiver not be told, and when is it tried again?
update alert_deliveries
set
    next_at = $next_us,
    error = $error
where id = $id
