-- What did each tag cost in the last 7 days?
with tagged as (
    select unnest(tags) as tag, cost_nano_usd
    from requests
    where ts > now() at time zone 'UTC' - interval 7 days
)

select
    tag,
    sum(cost_nano_usd) / 1e9 as usd,
    count(*) as requests
from tagged
group by tag
order by usd desc nulls last
limit 50
