-- How much of the input of these models was in a provider's cache, provider by provider?
select
    provider,
    model,
    count(*) as requests,
    cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
    cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens
from chosen($filter)
where
    list_contains($models, model)
    and usage_source = 'reported'
    and outcome(status, error) = 'ok'
group by provider, model
order by provider, model
