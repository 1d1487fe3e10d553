-- Limits of users, teams, models and everybody are objects of the configuration too. A check cannot be changed in place.
create table configuration_with_limits (
    kind text not null check (
        kind in ('provider', 'credential', 'alias', 'combo', 'price', 'limit', 'setting')
    ),
    name text not null,
    -- JSON, in the names of the configuration file; secrets are not in it.
    spec text not null,
    -- The secrets among its values: a JSON object, sealed.
    sealed blob,
    -- Order among its kind.
    position integer not null,
    created_at integer not null,
    updated_at integer not null,
    version integer not null default 1,
    primary key (kind, name)
) strict;

insert into configuration_with_limits (kind, name, spec, sealed, position, created_at, updated_at, version)
select kind, name, spec, sealed, position, created_at, updated_at, version
from configuration;

drop table configuration;

alter table configuration_with_limits rename to configuration;

-- When somebody had a client key counted from nothing: what it used before does not count against its limits.
create table limit_resets (
    -- Id of the key; of one in the configuration file its name.
    key_id text primary key,
    at integer not null
) strict;
