-- What has each owner of client keys spent in the present periods: each `user`, each `team`, or `everybody` together?
with counted as (
    select
        case $owner
            when 'user' then user_id
            when 'team' then team_id
            else 'everybody'
        end as id,
        ts,
        cost_nano_usd as nano_usd,
        input_tokens + output_tokens as tokens,
        len(attempts) > 0 as asked
    from requests
    where
        ts >= make_timestamp($since_us)
        and key is not null
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
where id is not null
group by id
