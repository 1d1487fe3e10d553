-- How many client keys that are not revoked does a user or a team have?
select count(*) as keys
from client_keys
where
    revoked_at is null
    and (user_id = cast($user_id as text) or team_id = cast($team_id as text))
