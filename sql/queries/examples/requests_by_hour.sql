-- How many requests were there in each hour of the last two days, and how did they end?
select
    date_trunc('hour', ts) as hour,
    count(*) filter (where outcome(status, error) = 'ok') as ok,
    count(*) filter (where outcome(status, error) = 'refused') as refused,
    count(*) filter (where outcome(status, error) = 'failed') as failed,
    count(*) filter (where outcome(status, error) = 'left') as "left"
from requests
where ts > now() at time zone 'UTC' - interval 2 days
group by hour
order by hour
