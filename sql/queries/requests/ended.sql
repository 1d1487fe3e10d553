-- Which requests have ended last since an instant, of those that a filter means?
select
    epoch_us(ts) as started_at_us,
    cast(id as varchar) as id,
    key,
    requested_model,
    provider,
    model,
    status,
    error,
    input_tokens,
    output_tokens,
    usage_source,
    cost_nano_usd,
    total_us,
    first_byte_us
from chosen($filter)
where
    epoch_us(ts) + total_us >= $ended_us
    -- A key by its name or its id, a model as it was asked for or as it was sent: as of those that run.
    and ($key is null or $key in (key, key_id))
    and ($model is null or $model in (requested_model, model))
order by epoch_us(ts) + total_us desc, id desc
limit $limit
