-- How often was each model asked, what did it cost, and how soon did it answer?
select
    provider,
    model,
    count(*) as requests,
    cast(sum(cost_nano_usd) as bigint) as cost_nano_usd,
    count(*) filter (where cost_source = 'unpriced') as unpriced,
    count(*) filter (where usage_source = 'estimated') as estimated,
    cast(quantile_cont(first_byte_us, 0.5) filter (where outcome(status, error) = 'ok') as bigint) as p50_first_byte_us
from chosen($filter)
where model is not null
group by provider, model
order by provider, model
