-- How often was each model asked, and what did it cost? From sums of days, as far as there are.
select
    provider,
    model,
    cast(sum(n) as bigint) as requests,
    -- Of none of whose requests it is known, there is no cost.
    cast(
        case when sum(cost_nano_usd) > 0 or sum(n_ok) > sum(n_unpriced) then sum(cost_nano_usd) end as bigint
    ) as cost_nano_usd,
    cast(sum(n_unpriced) as bigint) as unpriced,
    cast(sum(n_estimated) as bigint) as estimated
from daily($filter, $rolled_until_us)
where model is not null
group by provider, model
order by provider, model
