-- A filter may ask where the tokens come from; else it means what it did (see 0006).
create or replace macro chosen(f) as table
    select *
    from requests
    where
        ts >= make_timestamp((f)['since_us'])
        and ts < make_timestamp((f)['until_us'])
        and ((f)['key_ids'] is null or list_contains((f)['key_ids'], coalesce(key_id, key)))
        and ((f)['key'] is null or coalesce(key_id, key) = (f)['key'])
        and ((f)['user'] is null or user_id = (f)['user'])
        and ((f)['team'] is null or team_id = (f)['team'])
        and ((f)['provider'] is null or provider = (f)['provider'])
        and ((f)['model'] is null or model = (f)['model'])
        and ((f)['credential'] is null or credential = (f)['credential'])
        and ((f)['requested_model'] is null or requested_model = (f)['requested_model'])
        and ((f)['endpoint'] is null or endpoint = (f)['endpoint'])
        and ((f)['outcome'] is null or outcome(status, error) = (f)['outcome'])
        and ((f)['error'] is null or error = (f)['error'])
        and ((f)['tag'] is null or list_contains(tags, (f)['tag']))
        and ((f)['stream'] is null or stream = (f)['stream'])
        and ((f)['retried'] is null or (tries > 1) = (f)['retried'])
        and ((f)['lossy'] is null or lossy = (f)['lossy'])
        and ((f)['tools'] is null or has_tools = (f)['tools'])
        and ((f)['usage_source'] is null or usage_source = (f)['usage_source'])
        and ((f)['least_total_us'] is null or total_us >= (f)['least_total_us'])
        and ((f)['least_cost'] is null or cost_nano_usd >= (f)['least_cost'])
        and (
            (f)['search'] is null
            or id = (f)['id']
            -- Column by column, since each has few values, and a function of such a column is found once for each.
            or contains(lower(requested_model), (f)['search'])
            or contains(lower(model), (f)['search'])
            or contains(lower(key), (f)['search'])
            or contains(lower(user_agent), (f)['search'])
            or lower(upstream_request_id) = (f)['search']
        );

-- Whether sums know all that a filter (see 0006) asks about. They do not know: endpoint, requested model, outcome, error,
-- tags, and whatever else is of one request alone.
create or replace macro sums_answer(f) as
    (f)['requested_model'] is null
    and (f)['endpoint'] is null
    and (f)['outcome'] is null
    and (f)['error'] is null
    and (f)['tag'] is null
    and (f)['stream'] is null
    and (f)['retried'] is null
    and (f)['lossy'] is null
    and (f)['tools'] is null
    and (f)['usage_source'] is null
    and (f)['least_total_us'] is null
    and (f)['least_cost'] is null
    and (f)['search'] is null;
