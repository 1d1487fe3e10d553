-- What need not be told any more, whoever has taken it?
update alert_deliveries
set
    taken_at = null,
    next_at = null,
    retired = $reason
where id = $id
