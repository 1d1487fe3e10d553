-- What is to be told now, oldest first? What somebody may be telling a receiver comes before all else of the same thing.
select
    due.id, due.alert_id, due.receiver, due.event, due.told, due.created_at, due.tries, due.taken_at, due.error,
    ours.kind, ours.fingerprint, ours.silenced_at, ours.closed_at
from alert_deliveries as due
join alerts as ours on ours.id = due.alert_id
where
    due.next_at is not null
    and due.next_at <= $now_us
    and (
        due.taken_at is not null
        or not exists (
            select 1
            from alert_deliveries as ahead
            join alerts as its on its.id = ahead.alert_id
            where
                its.fingerprint = ours.fingerprint
                and ahead.receiver = due.receiver
                and ahead.next_at is not null
                and ahead.taken_at is not null
        )
    )
order by due.id
limit $limit
