-- What was spent on days whose sums go, and on all of those before, by each whom a budget may count?
insert into spent_before by name
with resets as (
    select unnest(cast($reset_ids as varchar[])) as id, unnest(cast($reset_at as bigint[])) as reset_at
),
spent as (
    select since, key_id, key, user_id, team_id, provider, model, cost_nano_usd
    from usage_daily
    where
        d in (select d from rolled where kept = 'sums' and d < $sums_before)
        and key is not null
        and cost_nano_usd != 0
    union all
    select since, key_id, key, user_id, team_id, provider, model, cost_nano_usd
    from spent_before
)
select
    -- What a key spent before it was counted from nothing still counts for its owners.
    make_timestamp(case when spent.since >= make_timestamp(coalesce(reset_at, 0)) then coalesce(reset_at, 0) else 0 end)
        as since,
    key_id,
    key,
    user_id,
    team_id,
    provider,
    model,
    sum(cost_nano_usd) as cost_nano_usd,
    make_timestamp($now_us) as summed_at
from spent
left join resets
    on resets.id = spent.key_id
group by all
