-- How much memory holds what statements have collected, which cannot be put on disk?
select cast(coalesce(sum(memory_usage_bytes), 0) as bigint) as bytes
from duckdb_memory()
where tag in ('ALLOCATOR', 'COLUMN_DATA')
