-- How many requests had each day of a time, and what is kept of them: `requests`, `sums` or `nothing`?
select
    epoch_us(cast(d as timestamp)) as day_us,
    kept,
    n
from rolled
where
    n > 0
    and d > cast(make_timestamp($since_us) as date) - 1
    and cast(d as timestamp) < make_timestamp($until_us)
order by d
