-- Where is it written down which migrations were applied?
create table if not exists schema_migrations (
    version integer not null,
    name varchar not null,
    checksum varchar not null,
    applied_at timestamp not null
)
