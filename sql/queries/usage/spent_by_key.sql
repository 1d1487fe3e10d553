-- What has each client key spent in the present periods, since it was last counted from nothing?
with resets as (
    select unnest(cast($reset_ids as varchar[])) as id, unnest(cast($reset_at as bigint[])) as reset_at
),
counted as (
    select
        -- A key of the configuration file has no other id than its name.
        coalesce(requests.key_id, requests.key) as id,
        requests.key as name,
        requests.ts,
        requests.cost_nano_usd as nano_usd,
        requests.input_tokens + requests.output_tokens as tokens,
        len(requests.attempts) > 0 as asked
    from requests
    left join resets
        on resets.id = coalesce(requests.key_id, requests.key)
    where
        requests.ts >= make_timestamp($since_us)
        and requests.ts >= make_timestamp(coalesce(resets.reset_at, 0))
        and requests.key is not null
)
select
    id,
    arg_max(name, ts) as name,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($day_us)), 0) as bigint) as day_nano_usd,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($week_us)), 0) as bigint) as week_nano_usd,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($month_us)), 0) as bigint) as month_nano_usd,
    cast(coalesce(sum(nano_usd), 0) as bigint) as total_nano_usd,
    cast(coalesce(sum(tokens) filter (where ts >= make_timestamp($month_us)), 0) as bigint) as month_tokens,
    count(*) filter (where asked and ts >= make_timestamp($month_us)) as month_requests
from counted
group by id
