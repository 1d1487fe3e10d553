-- How fast is each target? Those of whom at least one request was answered.
select
    provider,
    model,
    count(*) as requests,
    quantile_cont(first_byte_us, [0.5, 0.95, 0.99]) as first_byte_us,
    quantile_cont(total_us, [0.5, 0.95, 0.99]) as total_us,
    cast(quantile_cont(overhead_us, 0.95) as bigint) as overhead_us,
    -- How fast tokens come once they come.
    1e6 / quantile_cont(pace_of(stream, output_tokens, total_us, first_byte_us), 0.5) as tokens_per_second
from chosen($filter)
where
    outcome(status, error) = 'ok'
    and model is not null
group by provider, model
order by requests desc, provider, model
limit $limit
