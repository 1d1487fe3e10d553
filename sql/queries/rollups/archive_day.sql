-- Which requests of a day does the archive have from now on?
copy (
    select *
    from requests
    where
        ts >= $d
        and ts < $d + interval 1 day
)
to $path (format parquet, compression zstd)
