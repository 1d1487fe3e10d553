-- What was answered on OpenAI's Responses API, so that clients can refer to it by id. An id belongs to the client key it
-- was given to: two keys may have the same one. Times are Unix seconds, sizes bytes.

create table responses (
    key text not null,
    id text not null,
    created_at integer not null,
    expires_at integer not null,
    -- The response this one continues; it may have been forgotten since.
    previous_id text,
    provider text not null,
    credential text,
    -- As the client named it.
    model text not null,
    -- The provider keeps it itself: here is only whose it is.
    native integer not null default 0 check (native in (0, 1)),
    -- It was larger than what is kept: here is only that it was.
    omitted integer not null default 0 check (omitted in (0, 1)),
    -- JSON array: the items its request added.
    input text,
    -- JSON: the whole Response object.
    response text,
    size integer not null,
    status text not null,
    primary key (key, id),
    check (native or omitted or (input is not null and response is not null))
) strict;

create index responses_by_expiry on responses (expires_at);
