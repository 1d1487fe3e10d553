-- Who belongs to a team, in the order of their ids?
select
    users.id as user_id,
    users.email,
    users.name,
    users.disabled_at,
    team_members.role,
    team_members.created_at
from team_members
join users
    on users.id = team_members.user_id
where
    team_members.team_id = $team_id
    and (cast($after_id as text) is null or users.id > $after_id)
order by users.id
limit $limit
