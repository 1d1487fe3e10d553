-- What does the database say of the configuration, in its order?
select kind, name, spec, sealed, position, created_at, updated_at, version
from configuration
order by kind, position, name
