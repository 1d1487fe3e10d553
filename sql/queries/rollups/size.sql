-- How much of the file is in use?
select
    block_size * total_blocks as file_bytes,
    block_size * used_blocks as used_bytes
from pragma_database_size()
where database_name = current_database()
