-- What has each user spent in the present periods?
with counted as (
    select
        user_id as id,
        ts,
        cost_nano_usd as nano_usd,
        input_tokens + output_tokens as tokens,
        len(attempts) > 0 as asked
    from requests
    where
        ts >= make_timestamp($since_us)
        and user_id is not null
)
select
    id,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($day_us)), 0) as bigint) as day_nano_usd,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($week_us)), 0) as bigint) as week_nano_usd,
    cast(coalesce(sum(nano_usd) filter (where ts >= make_timestamp($month_us)), 0) as bigint) as month_nano_usd,
    cast(coalesce(sum(nano_usd), 0) as bigint) as total_nano_usd,
    cast(coalesce(sum(tokens) filter (where ts >= make_timestamp($month_us)), 0) as bigint) as month_tokens,
    count(*) filter (where asked and ts >= make_timestamp($month_us)) as month_requests
from counted
group by id
