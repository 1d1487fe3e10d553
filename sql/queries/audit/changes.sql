-- Which changes of a time may show in what requests do or cost, latest first? To try something out changes nothing.
select
    at,
    actor_name,
    action,
    target_kind,
    target_name
from audit
where
    target_kind in ('alias', 'combo', 'credential', 'price', 'provider', 'setting')
    and not lower(action) like '%.test'
    and at >= $since_us
    and at < $until_us
order by id desc
limit $limit
