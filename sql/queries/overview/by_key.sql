-- Which keys cost most?
select
    coalesce(key_id, key) as id,
    arg_max(key, ts) as name,
    count(*) as requests,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd
from chosen($filter)
where key is not null
group by coalesce(key_id, key)
order by cost_nano_usd desc, requests desc, coalesce(key_id, key)
limit $limit
