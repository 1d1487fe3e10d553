-- Which user does a login at a provider lead to?
select user_id
from identities
where
    provider = $provider
    and subject = $subject
