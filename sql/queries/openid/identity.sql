-- Which user does a login at a provider lead to?
select users.id, users.role
from identities
join users
    on users.id = identities.user_id
where
    identities.provider = $provider
    and identities.subject = $subject
