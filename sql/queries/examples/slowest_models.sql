-- Which models are the slowest at the 99th percentile?
select
    concat(provider, '/', model) as model,
    quantile_cont(total_us, 0.99) / 1e3 as p99_milliseconds,
    quantile_cont(total_us, 0.5) / 1e3 as p50_milliseconds,
    quantile_cont(first_byte_us, 0.99) / 1e3 as p99_first_byte_milliseconds,
    count(*) as requests
from requests
where ts > now() at time zone 'UTC' - interval 7 days and outcome(status, error) = 'ok'
group by all
order by p99_milliseconds desc
limit 50
