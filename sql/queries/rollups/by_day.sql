-- What happened on each day, and by whom or with what? Days are those of UTC.
select
    d as day,
    case $by
        when 'key' then key_id
        when 'user' then user_id
        when 'team' then team_id
        when 'provider' then provider
        when 'model' then provider || '/' || model
        when 'credential' then provider || '/' || credential
    end as name,
    cast(sum(n) as bigint) as requests,
    cast(sum(n_ok) as bigint) as ok,
    cast(sum(n_refused) as bigint) as refused,
    cast(sum(n_failed) as bigint) as failed,
    -- `left` is a word of SQL.
    cast(sum(n_left) as bigint) as client_left,
    cast(coalesce(sum(n_unpriced), 0) as bigint) as unpriced,
    cast(coalesce(sum(n_estimated), 0) as bigint) as estimated,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
    cast(coalesce(sum(cache_write_tokens), 0) as bigint) as cache_write_tokens,
    cast(coalesce(sum(reasoning_tokens), 0) as bigint) as reasoning_tokens,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd
from daily($filter, $rolled_until_us)
group by day, name
order by day, cost_nano_usd desc, name
limit $limit
