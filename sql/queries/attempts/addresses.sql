-- From which addresses has a user logged in lately?
select address
from audit
where
    target_kind = 'user'
    and target_id = $user_id
    and action = 'login'
    and address is not null
order by id desc
limit $limit
