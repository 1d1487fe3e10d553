-- Which tables and views are there, with which columns?
select
    tables.name,
    columns.name
from sqlite_master as tables
join pragma_table_info(tables.name) as columns
where tables.type in ('table', 'view')
