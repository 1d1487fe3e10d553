-- Which models are used although nobody knows what they cost?
select
    concat(provider, '/', model) as model,
    count(*) as requests,
    sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens
from requests
where cost_source = 'unpriced'
group by all
order by requests desc
limit 50
