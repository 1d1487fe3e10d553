-- Which names of a kind matter most, by what they cost and how often they were asked for? From sums of days, as far as
-- there are.
select
    case $kind
        when 'model' then provider || '/' || model
        when 'provider' then provider
        when 'key' then key_id
        when 'user' then user_id
        when 'team' then team_id
        else provider || '/' || credential
    end as name
from daily($filter, $rolled_until_us)
group by name
having name is not null
order by coalesce(sum(cost_nano_usd), 0) desc, sum(n) desc, name
limit $limit
