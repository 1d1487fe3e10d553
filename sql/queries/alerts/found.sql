-- Which alert has this id?
select id, kind, severity, subject, node, told, opened_at, seen_at, sent_at, silenced_at, closed_at
from alerts
where id = $id
