-- When was a login at a provider last used, and which address did it have?
update identities
set
    last_login_at = $now_us,
    email = $email
where
    provider = $provider
    and subject = $subject
