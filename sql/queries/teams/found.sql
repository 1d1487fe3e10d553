-- Which team has this id?
select
    teams.id,
    teams.name,
    teams.description,
    teams.created_at,
    teams.updated_at,
    teams.version,
    (select count(*) from team_members where team_members.team_id = teams.id) as members
from teams
where teams.id = $id
