-- Which response can be referred to from now on?
insert into responses (
    key, id, created_at, expires_at, previous_id, provider, credential, model, native, omitted, input, response, size, status
)
values (
    $key, $id, $created_at, $expires_at, $previous_id, $provider, $credential, $model, $native, $omitted, $input, $response,
    $size, $status
)
on conflict (key, id) do update set
    created_at = excluded.created_at,
    expires_at = excluded.expires_at,
    previous_id = excluded.previous_id,
    provider = excluded.provider,
    credential = excluded.credential,
    model = excluded.model,
    native = excluded.native,
    omitted = excluded.omitted,
    input = excluded.input,
    response = excluded.response,
    size = excluded.size,
    status = excluded.status
