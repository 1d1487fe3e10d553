-- What has each client key spent since this instant, and when was it used last?
select
    key,
    cast(coalesce(sum(cost_nano_usd) filter (where ts >= make_timestamp($since_us)), 0) as bigint) as nano_usd,
    epoch_us(max(ts)) as last_us
from requests
where key is not null
group by key
