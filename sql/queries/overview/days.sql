-- What did each model do, day by day (UTC)? From sums of days, as far as there are.
select
    epoch_us(cast(d as timestamp)) as day_us,
    provider,
    model,
    cast(sum(n) as bigint) as requests,
    cast(sum(n_ok) as bigint) as ok,
    cast(sum(n_failed) as bigint) as failed,
    cast(sum(n_refused) as bigint) as refused,
    cast(sum(n_left) as bigint) as gone,
    cast(sum(n_unpriced) as bigint) as unpriced,
    cast(sum(n_estimated) as bigint) as estimated,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(cache_read_tokens) as bigint) as cache_read_tokens
from daily($filter, $rolled_until_us)
group by d, provider, model
order by d, provider, model
