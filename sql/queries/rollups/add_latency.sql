-- How long did the answered requests of a day take, and how many of each hour or day took about as long?
insert into latency_hourly by name
with measured as (
    select
        date_trunc($unit, ts) as h,
        provider,
        model,
        unnest([
            {'metric': 'total', 'us': cast(total_us as double)},
            {'metric': 'first_byte', 'us': cast(first_byte_us as double)},
            {'metric': 'overhead', 'us': cast(overhead_us as double)},
            {'metric': 'pace', 'us': pace_of(stream, output_tokens, total_us, first_byte_us)}
        ]) as one
    from requests
    where
        ts >= $d
        and ts < $d + interval 1 day
        and outcome(status, error) = 'ok'
)
select
    h,
    provider,
    model,
    one.metric as metric,
    bucket_of(one.us) as bucket,
    count(*) as n
from measured
where one.us is not null
group by h, provider, model, metric, bucket
