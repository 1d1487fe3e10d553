-- What has each owner of client keys spent in the present periods: each `user`, each `team`, or `everybody` together?
with counted as (
    select
        case $owner
            when 'user' then user_id
            when 'team' then team_id
            else 'everybody'
        end as id,
        since,
        cost_nano_usd,
        tokens,
        n_asked
    from spending
    where
        since >= make_timestamp($since_us)
        and key is not null
)
select
    id,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($day_us)), 0) as bigint) as day_nano_usd,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($week_us)), 0) as bigint) as week_nano_usd,
    cast(coalesce(sum(cost_nano_usd) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_nano_usd,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as total_nano_usd,
    cast(coalesce(sum(tokens) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_tokens,
    cast(coalesce(sum(n_asked) filter (where since >= make_timestamp($month_us)), 0) as bigint) as month_requests
from counted
where id is not null
group by id
