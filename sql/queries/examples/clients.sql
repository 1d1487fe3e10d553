-- Which programs call the gateway, and how much do they use?
select
    coalesce(user_agent, 'unknown') as client,
    count(*) as requests,
    sum(input_tokens + output_tokens) as tokens,
    sum(cost_nano_usd) / 1e9 as usd
from requests
where ts > now() at time zone 'UTC' - interval 7 days
group by client
order by requests desc
limit 50
