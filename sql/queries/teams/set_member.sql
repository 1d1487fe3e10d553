-- What is a user in a team from now on?
insert into team_members (team_id, user_id, role, created_at)
values ($team_id, $user_id, $role, $now_us)
on conflict (team_id, user_id) do update set role = excluded.role
