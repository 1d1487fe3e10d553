-- Why a request went where it did: by which strategies, and who could have answered and was not asked.

alter table requests add column ordered_by varchar;

alter table requests add column passed_over struct(
    provider varchar,
    model varchar,
    credential varchar,
    reason varchar,
    until_us bigint,
    holds boolean
)[];

alter table requests add column passed_more bigint;

alter table requests add column attempts.element.chosen_by varchar;

-- The name of a model without what only says which version of it that is, or by which way it was named: `gpt-4o` of
-- `gpt-4o-2024-08-06`, `claude-3-5-haiku` of `us.anthropic.claude-3-5-haiku-20241022-v1:0`, `gemini-2-0-flash` of
-- `models/gemini-2.0-flash-001`.
create or replace macro plain_model(name) as
    regexp_replace(
        replace(regexp_replace(lower(name), '^(.*/)?([a-z]+[.])*', ''), '.', '-'),
        '([-@]((20)?[0-9]{2}-?[0-9]{2}-?[0-9]{2}|[0-9]{2}-?[0-9]{2}|[0-9]{2}-20[0-9]{2}|[0-9]{3}|latest)|-v[0-9]+:[0-9]+)*$',
        ''
    );

-- Whether the model that answered is another one than the one that was asked. Who asks for the latest asks for no certain
-- one.
create or replace macro other_model(model, answered_model) as
    answered_model is not null
    and plain_model(answered_model) <> plain_model(model)
    and not ends_with(lower(model), 'latest');

-- As before (0006, 0007), by that, and by whose count the tokens are.
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
        and ((f)['other_model'] is null or other_model(model, answered_model) = (f)['other_model'])
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
    and (f)['other_model'] is null
    and (f)['least_total_us'] is null
    and (f)['least_cost'] is null
    and (f)['search'] is null;
