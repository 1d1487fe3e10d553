-- Which login at a provider no longer leads to a user?
delete from identities
where
    user_id = $user_id
    and provider = $provider
    and subject = $subject
