-- Which views and macros are in a database, as what it is and its name?
select 'view' as kind, view_name as called
from duckdb_views()
where database_name = $name and not internal
union all
select function_type, function_name
from duckdb_functions()
where database_name = $name and not internal
