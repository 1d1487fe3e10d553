-- What did each of a kind cost, day by day (UTC)? From sums of days, as far as there are.
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
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd
from daily($filter, $rolled_until_us)
group by d, name
having sum(cost_nano_usd) > 0
order by day_us, name
