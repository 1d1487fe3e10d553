-- What somebody found worth coming back to: pages as they had them before them, and queries in SQL. A `shared` one is
-- shown to everybody who may see such a page, or run a query.

create table saved_views (
    id text primary key,
    user_id text not null references users (id) on delete cascade,
    -- The page it is of: `requests`, `spend` and so on.
    page text not null,
    name text not null,
    -- Behind the question mark of its address.
    query text not null,
    shared integer not null default 0 check (shared in (0, 1)),
    created_at integer not null,
    updated_at integer not null,
    version integer not null default 1,
    unique (user_id, page, name)
) strict;

create table saved_queries (
    id text primary key,
    user_id text not null references users (id) on delete cascade,
    name text not null,
    -- The SQL.
    query text not null,
    shared integer not null default 0 check (shared in (0, 1)),
    created_at integer not null,
    updated_at integer not null,
    version integer not null default 1,
    unique (user_id, name)
) strict;
