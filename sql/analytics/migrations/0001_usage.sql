-- One row per exchange, and which spool segments have been taken. No indexes and no keys: a scan is fast enough, rows
-- arrive roughly in the order of `ts`, and an index is one more thing that a crash can leave wrong.

create table requests (
    ts timestamp not null,
    id uuid not null,
    key varchar,
    endpoint varchar,
    requested_model varchar,
    provider varchar,
    model varchar,
    credential varchar,
    status integer,
    error varchar,
    stream boolean,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    usage_source varchar,
    cost_nano_usd bigint,
    attempts struct(
        provider varchar,
        model varchar,
        credential varchar,
        status integer,
        error varchar,
        duration_us bigint
    )[],
    total_us bigint,
    first_byte_us bigint,
    upstream_us bigint,
    overhead_us bigint,
    request_bytes bigint,
    response_bytes bigint,
    upstream_request_id varchar,
    user_agent varchar,
    worker integer
);

create table ingested (
    segment varchar not null,
    records bigint not null,
    refused bigint not null,
    taken_at timestamp not null
);
