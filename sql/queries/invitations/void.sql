-- Which links of a purpose, for a user or for nobody yet, are void from now on?
delete from invitations
where
    purpose = $purpose
    and coalesce(user_id, '') = coalesce(cast($user_id as text), '')
