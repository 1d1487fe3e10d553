-- How many views has a user saved, and is one of them called like this?
select
    count(*) as saved,
    coalesce(sum(case when name = $name and page = $page and id <> $id then 1 else 0 end), 0) as called_so
from saved_views
where user_id = $user_id
