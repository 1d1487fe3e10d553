-- What somebody found worth coming back to: pages as they had them before them, and queries in SQL. A `shared` one is
-- shown to everybody who may see such a page, or run a query.

create table saved_views (
    id text collate "C" primary key,
    user_id text collate "C" not null references users (id) on delete cascade,
    -- The page it is of: `requests`, `spend` and so on.
    page text collate "C" not null,
    name text collate "C" not null,
    -- Behind the question mark of its address.
    query text collate "C" not null,
    shared bigint not null default 0 check (shared in (0, 1)),
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null default 1,
    unique (user_id, page, name)
);

create table saved_queries (
    id text collate "C" primary key,
    user_id text collate "C" not null references users (id) on delete cascade,
    name text collate "C" not null,
    -- The SQL.
    query text collate "C" not null,
    shared bigint not null default 0 check (shared in (0, 1)),
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null default 1,
    unique (user_id, name)
);
