-- Which alerts are not over?
select id, fingerprint, edition, kind, node, level, told, seen_at, sent_at, silenced_at
from alerts
where closed_at is null
order by id
