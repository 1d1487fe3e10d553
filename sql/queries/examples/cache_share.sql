-- What share of the input tokens came from the provider's cache, by model?
select
    concat(provider, '/', model) as model,
    sum(cache_read_tokens) / sum(input_tokens) as share_from_cache,
    sum(input_tokens) as input_tokens,
    sum(cost_nano_usd) / 1e9 as usd
from requests
where ts > now() at time zone 'UTC' - interval 7 days and input_tokens > 0
group by all
order by input_tokens desc
limit 50
