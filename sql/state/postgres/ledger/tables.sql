-- Which tables and views are in the schema that is ours, with which columns?
select
    tables.relname,
    columns.attname
from pg_class as tables
left join pg_attribute as columns
    on columns.attrelid = tables.oid
    and columns.attnum > 0
    and not columns.attisdropped
where
    tables.relnamespace = (select oid from pg_namespace where nspname = current_schema())
    and tables.relkind in ('r', 'p', 'v', 'm', 'f')
