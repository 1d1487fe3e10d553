-- What did each of a kind use and cost? From sums of days, as far as there are.
select
    case $by
        when 'model' then provider || '/' || model
        when 'provider' then provider
        when 'key' then key_id
        when 'user' then user_id
        when 'team' then team_id
        else provider || '/' || credential
    end as name,
    arg_max(key, d) as key,
    cast(sum(n) as bigint) as requests,
    cast(sum(n_unpriced) as bigint) as unpriced,
    cast(sum(n_estimated) as bigint) as estimated,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd
from daily($filter, $rolled_until_us)
group by name
order by cost_nano_usd desc nulls last, requests desc, name
