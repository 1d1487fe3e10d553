-- Who no longer belongs to a team?
delete from team_members
where
    team_id = $team_id
    and user_id = $user_id
