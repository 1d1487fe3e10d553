-- How many requests of a day are in a file of the archive, and not in the store?
select count(*) as n
from read_parquet($path, hive_partitioning = false)
where
    id not in (
        select id
        from requests
        where
            ts >= $d
            and ts < $d + interval 1 day
    )
