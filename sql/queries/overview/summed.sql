-- What happened in a time? From sums of days, as far as there are.
select
    cast(coalesce(sum(n), 0) as bigint) as requests,
    cast(coalesce(sum(n_failed), 0) as bigint) as failed,
    cast(coalesce(sum(n_refused), 0) as bigint) as refused,
    cast(coalesce(sum(n_left), 0) as bigint) as gone,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd,
    cast(coalesce(sum(n_unpriced), 0) as bigint) as unpriced,
    cast(coalesce(sum(n_estimated), 0) as bigint) as estimated,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
    count(distinct key_id) as keys
from daily($filter, $rolled_until_us)
