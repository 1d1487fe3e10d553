-- What do these requests come to?
select
    count(*) as requests,
    count(*) filter (where outcome(status, error) in ('failed', 'refused')) as errors,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens
from chosen($filter)
