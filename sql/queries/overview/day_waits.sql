-- How often did the first byte take how long, day by day (UTC)? From histograms, as far as there are.
select
    epoch_us(date_trunc('day', ts)) as day_us,
    time_in(bucket) as us,
    sum(n) as n
from latency($filter, 'first_byte', $rolled_until_us)
group by day_us, us
order by day_us, us
