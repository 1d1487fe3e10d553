-- How many people are there who can log in and look after the gateway?
select count(*) as admins
from users
where
    role in ('owner', 'admin')
    and disabled_at is null
