-- How many queries has a user saved, and is one of them called like this?
select
    count(*) as saved,
    coalesce(sum(case when name = $name and id <> $id then 1 else 0 end), 0) as called_so
from saved_queries
where user_id = $user_id
