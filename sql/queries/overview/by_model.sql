-- What did each model do, piece by piece? What no provider took has none.
select
    (epoch_us(ts) - $origin_us) // $step_us as bucket,
    provider || '/' || model as name,
    count(*) as requests,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd,
    cast(sum(input_tokens) + sum(output_tokens) as bigint) as tokens
from chosen($filter)
where model is not null
group by bucket, name
order by bucket, name
