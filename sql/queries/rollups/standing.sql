-- What does the store hold, since when, and how much room does that take?
select
    size.block_size * size.total_blocks as file_bytes,
    size.block_size * size.used_blocks as used_bytes,
    size.block_size * size.free_blocks as free_bytes,
    (select cast(coalesce(sum(memory_usage_bytes), 0) as bigint) from duckdb_memory()) as memory_bytes,
    current_setting('memory_limit') as memory_limit,
    (select count(*) from requests) as requests,
    (select epoch_us(min(ts)) from requests) as oldest_us,
    (select epoch_us(max(ts)) from requests) as newest_us,
    (select count(*) from usage_daily) as sums,
    (select count(*) from latency_hourly) as buckets,
    (select count(*) from rolled) as rolled_days,
    (select count(*) from rolled where kept = 'requests') as days_with_requests,
    (select min(d) from rolled where kept != 'nothing') as rolled_since,
    (select max(d) from rolled) as rolled_until,
    (select epoch_us(max(rolled_at)) from rolled) as rolled_at_us,
    (select count(*) from ingested) as segments_remembered
from pragma_database_size() as size
where size.database_name = current_database()
