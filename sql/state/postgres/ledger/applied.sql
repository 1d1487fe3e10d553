-- Which migrations were applied, with which text?
select version, name, checksum
from schema_migrations
order by version
