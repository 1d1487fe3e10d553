-- What did each of the last 30 days cost?
select
    date_trunc('day', ts) as day,
    sum(cost_nano_usd) / 1e9 as usd
from requests
where ts > now() at time zone 'UTC' - interval 30 days
group by day
order by day
