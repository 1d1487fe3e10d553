-- What did each model do, day by day (UTC)? From sums, as far as there are.
select
    epoch_us(cast(d as timestamp)) as day_us,
    provider,
    model,
    sum(n) as requests,
    sum(n_ok) as ok,
    sum(n_failed) as failed,
    sum(n_refused) as refused,
    sum(n_left) as gone,
    sum(n_unpriced) as unpriced,
    sum(n_estimated) as estimated,
    sum(cost_nano_usd) as cost_nano_usd,
    sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens,
    sum(cache_read_tokens) as cache_read_tokens
from daily($filter, $rolled_until_us)
group by d, provider, model
order by d, provider, model
