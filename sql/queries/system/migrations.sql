-- How far has the schema come, and since when?
select
    count(*) as applied,
    max(version) as version,
    max(applied_at) as applied_at
from schema_migrations
