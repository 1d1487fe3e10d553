-- Which tables and views are there, with which columns?
select
    table_name,
    column_name
from duckdb_columns()
where
    database_name = current_database()
    and not internal
