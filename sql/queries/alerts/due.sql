-- What is to be told now, oldest first?
select id, alert_id, receiver, event, told, created_at, tries, error
from alert_deliveries
where
    next_at is not null
    and next_at <= $now_us
order by id
limit $limit
