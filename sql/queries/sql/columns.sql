-- Which columns do the tables have that people ask, and of which types?
select
    table_name,
    column_name,
    data_type
from duckdb_columns()
where table_name in ('requests', 'usage_daily', 'latency_hourly', 'rolled')
