-- What waits of the thing that an alert is about, and need not be told any more, to one receiver or to anybody?
update alert_deliveries
set
    next_at = null,
    retired = $reason
where
    next_at is not null
    and taken_at is null
    and (cast($receiver as text) is null or receiver = $receiver)
    and alert_id in (
        select its.id
        from alerts as its
        join alerts as ours on ours.fingerprint = its.fingerprint
        where ours.id = $alert_id
    )
