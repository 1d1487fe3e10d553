-- Which requests of the last 7 days cost most?
select
    id,
    ts,
    key,
    provider,
    model,
    input_tokens,
    output_tokens,
    cost_nano_usd / 1e9 as usd
from requests
where ts > now() at time zone 'UTC' - interval 7 days and cost_nano_usd is not null
order by cost_nano_usd desc
limit 50
