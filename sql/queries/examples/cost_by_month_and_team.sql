-- What did each team cost each month, as far back as there are sums of days?
select
    date_trunc('month', d) as month,
    team_id,
    sum(cost_nano_usd) / 1e9 as usd,
    sum(n) as requests
from usage_daily
group by month, team_id
order by month desc, usd desc nulls last
