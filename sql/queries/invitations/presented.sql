-- What is a link for, if it may still be used?
select
    invitations.purpose,
    invitations.user_id,
    invitations.expires_at,
    users.email
from invitations
left join users
    on users.id = invitations.user_id
where
    invitations.digest = $digest
    and invitations.purpose = $purpose
    and invitations.used_at is null
    and invitations.expires_at > $now_us
    and users.disabled_at is null
