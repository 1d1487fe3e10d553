-- Which sessions of a user are over: all but one, if one is named?
delete from sessions
where
    user_id = $user_id
    and (cast($kept_id as text) is null or id <> $kept_id)
