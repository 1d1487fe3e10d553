-- Since when is anything known, be it by sums of days alone?
with beginnings as (
    select min(ts) as ts from requests
    union all
    select cast(min(d) as timestamp) from usage_daily
)

select epoch_us(min(ts)) as since_us from beginnings
