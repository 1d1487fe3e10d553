-- What was a receiver last told of a thing?
select delivered.alert_id, delivered.event
from alert_deliveries as delivered
join alerts as its on its.id = delivered.alert_id
where
    its.fingerprint = $fingerprint
    and delivered.receiver = $receiver
    and delivered.delivered_at is not null
order by delivered.delivered_at desc, delivered.id desc
limit 1
