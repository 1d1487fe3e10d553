-- What was spent on each model in the present periods? One that was tried in vain counts as a request of it.
with asked_models as (
    select ts, provider, model, cost_nano_usd as nano_usd, input_tokens + output_tokens as tokens, attempts
    from requests
    where
        ts >= make_timestamp($since_us)
        and key is not null
        and provider is not null
),
tried as (
    select distinct asked_models.rowid_of as number
    from (select 1 as rowid_of) as asked_models
)
select 1
