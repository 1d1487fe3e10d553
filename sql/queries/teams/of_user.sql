-- To which teams does a user belong, and as what?
select team_id, role
from team_members
where user_id = $user_id
