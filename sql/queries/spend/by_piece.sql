-- What did each of a kind cost, piece by piece? Pieces in which nothing was paid for are not listed.
select
    (epoch_us(ts) - $origin_us) // $step_us as bucket,
    case $by
        when 'model' then provider || '/' || model
        when 'provider' then provider
        when 'key' then coalesce(key_id, key)
        when 'user' then user_id
        when 'team' then team_id
        else provider || '/' || credential
    end as name,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd
from chosen($filter)
where cost_nano_usd > 0
group by bucket, name
order by bucket, name
