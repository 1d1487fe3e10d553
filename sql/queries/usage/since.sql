-- Since when is anything known, be it by sums of days alone?
select least(
    (select epoch_us(min(ts)) from requests),
    (select epoch_us(cast(min(d) as timestamp)) from usage_daily)
) as since_us
