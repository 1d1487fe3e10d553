-- How much time did the gateway itself add before the first byte, hour by hour?
select
    date_trunc('hour', ts) as hour,
    quantile_cont(overhead_us, 0.5) / 1e3 as p50_milliseconds,
    quantile_cont(overhead_us, 0.99) / 1e3 as p99_milliseconds
from requests
where ts > now() at time zone 'UTC' - interval 2 days and outcome(status, error) = 'ok'
group by hour
order by hour
