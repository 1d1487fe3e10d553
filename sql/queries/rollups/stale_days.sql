-- Which days that are over are not rolled up as they are?
with counted as (
    select cast(ts as date) as d, count(*) as n
    from requests
    where ts < make_timestamp($today_us)
    group by d
)
select coalesce(counted.d, rolled.d) as d
from counted
full join rolled
    on rolled.d = counted.d
where
    rolled.d is null
    or (rolled.kept = 'requests' and rolled.n != coalesce(counted.n, 0))
    -- What came late for a day whose requests are gone.
    or (rolled.kept != 'requests' and counted.n > 0)
order by d
