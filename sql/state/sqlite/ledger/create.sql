-- Where is it written down which migrations were applied?
create table if not exists schema_migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at integer not null
) strict
