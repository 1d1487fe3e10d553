-- What was told of these alerts, latest first?
select alert_id, receiver, event, created_at, tries, taken_at, next_at, delivered_at, retired, error
from alert_deliveries
where
    alert_id >= $first_id
    and alert_id <= $last_id
order by id desc
