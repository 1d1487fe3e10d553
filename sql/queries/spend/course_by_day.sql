-- What did each use that a budget or a quota counts, day by day (UTC)? From sums of days, as far as there are.
-- Those of `$ids` each by itself, or all together that `$pattern` fits (of `like`), of everybody where neither is said.
with told as (
    select
        d,
        case $per
            when 'key' then key_id
            when 'user' then user_id
            when 'team' then team_id
            when 'model' then provider || '/' || model
            else ''
        end as whose,
        case when $per = 'key' then key else whose end as shown,
        cost_nano_usd,
        input_tokens + output_tokens as tokens,
        n_asked
    from daily($filter, $rolled_until_us)
    where key is not null
)
select
    case when $ids is null then '' else whose end as id,
    epoch_us(cast(d as timestamp)) as piece_us,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd,
    cast(coalesce(sum(tokens), 0) as bigint) as tokens,
    cast(coalesce(sum(n_asked), 0) as bigint) as requests
from told
where
    ($ids is null or list_contains(cast($ids as varchar[]), whose))
    and ($pattern is null or shown like $pattern escape '\')
group by all
order by id, piece_us
