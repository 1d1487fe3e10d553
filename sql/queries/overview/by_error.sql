-- What went wrong, and how often? From sums of days, as far as there are.
select
    error as name,
    cast(sum(n) as bigint) as requests
from daily($filter, $rolled_until_us)
where error is not null
group by name
order by requests desc, name
limit $limit
