-- Which models of which providers were asked since then?
select distinct
    provider,
    model
from requests
where
    ts >= make_timestamp($since_us)
    and provider is not null
    and model is not null
order by provider, model
limit $limit
