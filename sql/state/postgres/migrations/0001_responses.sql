-- What was answered on OpenAI's Responses API, so that clients can refer to it by id. An id belongs to the client key it
-- was given to: two keys may have the same one. Times are Unix seconds, sizes bytes.
-- Texts are compared by their bytes, as SQLite does it.

create table responses (
    key text collate "C" not null,
    id text collate "C" not null,
    created_at bigint not null,
    expires_at bigint not null,
    -- The response this one continues; it may have been forgotten since.
    previous_id text collate "C",
    provider text collate "C" not null,
    credential text collate "C",
    -- As the client named it.
    model text collate "C" not null,
    -- The provider keeps it itself: here is only whose it is.
    native bigint not null default 0 check (native in (0, 1)),
    -- It was larger than what is kept: here is only that it was.
    omitted bigint not null default 0 check (omitted in (0, 1)),
    -- JSON array: the items its request added.
    input text collate "C",
    -- JSON: the whole Response object.
    response text collate "C",
    size bigint not null,
    status text collate "C" not null,
    primary key (key, id),
    check (native = 1 or omitted = 1 or (input is not null and response is not null))
);

create index responses_by_expiry on responses (expires_at);
