-- Which keys cost most, and how many were there? From sums of days, as far as there are.
select
    key_id as id,
    arg_max(key, d) as name,
    cast(sum(n) as bigint) as requests,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd,
    cast(sum(n_estimated) as bigint) as estimated,
    cast(sum(n_unpriced) as bigint) as unpriced,
    count(*) over () as keys
from daily($filter, $rolled_until_us)
where key_id is not null
group by key_id
order by cost_nano_usd desc, requests desc, key_id
limit $limit
