-- What was booked for each model of a provider, day by day (UTC)? From sums of days, as far as there are.
select
    epoch_us(cast(d as timestamp)) as day_us,
    coalesce(model, '') as model,
    cast(sum(n) as bigint) as requests,
    cast(sum(n_unpriced) as bigint) as unpriced,
    cast(sum(n_estimated) as bigint) as estimated,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as nano_usd
from daily($filter, $rolled_until_us)
group by d, coalesce(model, '')
order by day_us, model
