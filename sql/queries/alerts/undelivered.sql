-- What could a receiver not be told, and when is it tried again?
update alert_deliveries
set
    taken_at = null,
    next_at = $next_us,
    error = $error
where id = $id
