-- Which teams are there, latest first, as far as asked for?
select
    teams.id,
    teams.name,
    teams.description,
    teams.created_at,
    teams.updated_at,
    teams.version,
    (select count(*) from team_members where team_members.team_id = teams.id) as members
from teams
where
    (cast($before_id as text) is null or teams.id < $before_id)
    and (cast($search as text) is null or lower(teams.name) like '%' || lower(cast($search as text)) || '%')
    and (
        cast($user_id as text) is null
        or teams.id in (select team_members.team_id from team_members where team_members.user_id = $user_id)
    )
    and (
        cast($own_only as bigint) = 0
        or teams.id in (
            select team_members.team_id
            from team_members
            where team_members.user_id = cast($own_user_id as text)
        )
    )
order by teams.id desc
limit $limit
