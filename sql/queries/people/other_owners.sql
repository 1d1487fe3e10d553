-- How many owners are there who can log in, beside this user?
select count(*) as owners
from users
where
    role = 'owner'
    and disabled_at is null
    and id <> $id
