-- How did each provider do, by every attempt there was? From sums of days, as far as there are.
select
    provider as name,
    cast(sum(n_attempts) as bigint) as attempts,
    cast(sum(n_attempts_failed) as bigint) as failed
from tried($filter, $rolled_until_us)
group by name
order by attempts desc, name
