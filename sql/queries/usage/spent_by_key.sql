-- What has each client key spent in the present periods, since it was last counted from nothing?
with resets as (
    select unnest(cast($reset_ids as varchar[])) as id, unnest(cast($reset_at as bigint[])) as reset_at
),
counted as (
    select spending.*
    from spending
    left join resets
        on resets.id = spending.key_id
    where
        spending.since >= make_timestamp($since_us)
        and spending.since >= make_timestamp(coalesce(resets.reset_at, 0))
        and spending.key is not null
)
select
    key_id as id,
    arg_max(key, since) as name,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($day_us)), 0) as bigint) as day_nano_usd,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($week_us)), 0) as bigint) as week_nano_usd,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_nano_usd,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as total_nano_usd,
    cast(coalesce(sum(tokens) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_tokens,
    cast(coalesce(sum(n_asked) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_requests
from counted
group by key_id
