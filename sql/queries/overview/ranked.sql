-- Which names of a kind matter most, by what they cost and how often they were asked for?
select
    case $kind
        when 'model' then provider || '/' || model
        when 'provider' then provider
        when 'key' then coalesce(key_id, key)
        when 'user' then user_id
        when 'team' then team_id
        else credential
    end as name
from chosen($filter)
group by name
having name is not null
order by coalesce(sum(cost_nano_usd), 0) desc, count(*) desc, name
limit $limit
