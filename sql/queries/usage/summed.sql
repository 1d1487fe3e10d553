-- What did each client key, each model or each provider do? From sums of days, as far as there are.
with named as (
    select
        *,
        case $by
            when 'key' then key_id
            -- What no provider took is called by what was asked for, as long as that is known.
            when 'model' then coalesce(provider || '/' || model, requested_model)
            else provider
        end as what
    from daily($filter, $rolled_until_us)
    where $key is null or key = $key
)

select
    what,
    case $by when 'key' then arg_max(key, d) else what end as name,
    cast(sum(n) as bigint) as requests,
    cast(sum(n) - sum(n_ok) as bigint) as errors,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
    cast(coalesce(sum(cache_write_tokens), 0) as bigint) as cache_write_tokens,
    cast(coalesce(sum(reasoning_tokens), 0) as bigint) as reasoning_tokens,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd
from named
group by what
order by requests desc, name
limit $limit
