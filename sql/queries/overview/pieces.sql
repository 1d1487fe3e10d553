-- What did each model do, piece by piece? What no provider took has none.
select
    (epoch_us(ts) - $origin_us) // $step_us as bucket,
    provider,
    model,
    count(*) as requests,
    count(*) filter (where outcome(status, error) = 'ok') as ok,
    count(*) filter (where outcome(status, error) = 'failed') as failed,
    count(*) filter (where outcome(status, error) = 'refused') as refused,
    count(*) filter (where outcome(status, error) = 'left') as gone,
    count(*) filter (where cost_source = 'unpriced') as unpriced,
    count(*) filter (where usage_source = 'estimated') as estimated,
    cast(coalesce(sum(cost_nano_usd), 0) as bigint) as cost_nano_usd,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
    cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens
from chosen($filter)
group by bucket, provider, model
order by bucket, provider, model
