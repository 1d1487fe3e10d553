-- What did each key do, in a time and in the one before it, which ends at `$middle_us`? From sums, as far as there are.
select
    key_id as id,
    arg_max(key, d) as name,
    sum(n) filter (where d >= cast(make_timestamp($middle_us) as date)) as requests,
    sum(n) filter (where d < cast(make_timestamp($middle_us) as date)) as requests_before,
    sum(cost_nano_usd) filter (where d >= cast(make_timestamp($middle_us) as date)) as cost_nano_usd
from daily($filter, $rolled_until_us)
where key_id is not null
group by key_id
order by cost_nano_usd desc nulls last, requests desc nulls last, key_id
