-- Which alerts are there, latest first, from one on, as far as asked for?
select id, kind, severity, subject, node, told, opened_at, seen_at, sent_at, silenced_at, closed_at
from alerts
where
    (cast($before_id as text) is null or id < $before_id)
    and (cast($kind as text) is null or kind = $kind)
    and (
        cast($state as text) is null
        or ($state = 'open' and closed_at is null and silenced_at is null)
        or ($state = 'silenced' and closed_at is null and silenced_at is not null)
        or ($state = 'closed' and closed_at is not null)
    )
order by id desc
limit $limit
