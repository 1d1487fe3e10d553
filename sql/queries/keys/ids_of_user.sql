-- Which client keys belong to a user or to a team of theirs?
select id
from client_keys
where
    user_id = $user_id
    or team_id in (select team_members.team_id from team_members where team_members.user_id = $user_id)
