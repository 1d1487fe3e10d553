-- What did each use that a budget or a quota counts, piece by piece? Whom is meant is said as in course_by_day.
with told as (
    select
        epoch_us(ts) // $step_us * $step_us as piece_us,
        case $per
            when 'key' then coalesce(key_id, key)
            when 'user' then user_id
            when 'team' then team_id
            when 'model' then provider || '/' || model
            else ''
        end as whose,
        case when $per = 'key' then key else whose end as shown,
        cost_nano_usd,
        input_tokens + output_tokens as tokens,
        cast(tries > 0 as bigint) as n_asked
    from chosen($filter)
    where key is not null
)
select
    case when $ids is null then '' else whose end as id,
    piece_us,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd,
    cast(coalesce(sum(tokens), 0) as bigint) as tokens,
    cast(coalesce(sum(n_asked), 0) as bigint) as requests
from told
where
    ($ids is null or list_contains(cast($ids as varchar[]), whose))
    and ($pattern is null or shown like $pattern escape '\')
group by all
order by id, piece_us
