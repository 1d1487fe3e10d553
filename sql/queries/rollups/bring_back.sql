-- Which requests of a day are in a file of the archive, and not in the store?
insert into requests by name
select *
from read_parquet($path, hive_partitioning = false)
where
    ts >= $d
    and ts < $d + interval 1 day
    and id not in (
        select id
        from requests
        where
            ts >= $d
            and ts < $d + interval 1 day
    )
