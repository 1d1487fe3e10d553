-- How does it stand with what a receiver is told?
select tries, taken_at, delivered_at
from alert_deliveries
where id = $id
