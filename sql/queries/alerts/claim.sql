-- What does somebody tell now, so that nobody else does?
update alert_deliveries
set
    tries = tries + 1,
    next_at = $until_us
where id = $id
