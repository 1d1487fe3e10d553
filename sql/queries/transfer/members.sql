-- Who belongs to which team?
select team_id, user_id, role
from team_members
order by team_id, user_id
