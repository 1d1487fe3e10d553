-- Whose is the session with this id?
select
    sessions.id,
    sessions.user_id,
    users.email
from sessions
join users
    on users.id = sessions.user_id
where sessions.id = $id
