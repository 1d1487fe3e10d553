-- How many requests were there in each hour, and how long did the slower ones take?
select
    epoch_us(date_trunc('hour', ts)) as hour_us,
    count(*) as requests,
    cast(
        quantile_cont(case $metric when 'total' then total_us when 'overhead' then overhead_us else first_byte_us end, 0.95)
        as bigint
    ) as p95_us
from chosen($filter)
where outcome(status, error) = 'ok'
group by hour_us
order by hour_us
