-- What does somebody tell now, so that nobody else does?
update alert_deliveries
set
    event = $event,
    told = $told,
    tries = tries + 1,
    taken_at = $now_us,
    next_at = $until_us
where id = $id
