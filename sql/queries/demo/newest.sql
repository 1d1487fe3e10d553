-- Which are the newest requests of these keys before an instant, of which nothing that was said is kept?
-- Which those are is found by a few columns: with all of them ten million rows take a gigabyte.
with newest as (
    select rowid
    from requests
    where ts < make_timestamp($until_us) and list_contains($key_ids, key_id)
    order by ts desc, id desc
    limit $limit
)
select
    cast(id as varchar) as id,
    epoch_us(ts) as started_at_us,
    endpoint,
    requested_model,
    answered_model,
    stream,
    has_tools,
    status,
    error,
    attempts,
    dropped,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    upstream_request_id,
    user_agent
from requests
where rowid in (select rowid from newest) and not captured
order by ts desc, id desc
