-- By which names of ours, aliases and combos, were models asked for, and what did it cost?
select
    via as name,
    count(*) as requests,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd,
    count(*) filter (where usage_source = 'estimated') as estimated
from chosen($filter)
where via is not null
group by via
order by via
