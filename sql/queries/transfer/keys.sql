-- Which client keys are there, revoked ones too?
select
    id,
    name,
    digest,
    prefix,
    last_four,
    user_id,
    team_id,
    spec,
    paused_at,
    expires_at,
    revoked_at,
    created_at
from client_keys
order by id
