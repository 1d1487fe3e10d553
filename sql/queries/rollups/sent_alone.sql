-- How many requests are in one file of the archive, and not in another?
select count(*) as n
from read_parquet($path, hive_partitioning = false)
where
    id not in (
        select id
        from read_parquet($other, hive_partitioning = false)
    )
