-- How many requests are in a file of the archive?
select cast(coalesce(sum(num_rows), 0) as bigint) as n
from parquet_file_metadata($path)
