-- What did each of a kind use and cost, piece by piece?
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
    count(*) as requests,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd
from chosen($filter)
group by bucket, name
order by bucket, name
