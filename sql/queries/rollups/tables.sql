-- Which tables are in a database?
select table_name
from duckdb_tables()
where database_name = $name and not internal
