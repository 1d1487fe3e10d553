-- What did each of a kind use and cost, day by day (UTC)? From sums of days, as far as there are.
select
    epoch_us(cast(d as timestamp)) as day_us,
    case $by
        when 'model' then provider || '/' || model
        when 'provider' then provider
        when 'key' then key_id
        when 'user' then user_id
        when 'team' then team_id
        else provider || '/' || credential
    end as name,
    cast(sum(n) as bigint) as requests,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd
from daily($filter, $rolled_until_us)
group by d, name
order by day_us, name
