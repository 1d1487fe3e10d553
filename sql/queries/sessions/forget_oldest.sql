-- Which sessions of a user are over because there are newer ones enough?
delete from sessions
where
    user_id = $user_id
    and id not in (
        select newest.id
        from sessions as newest
        where newest.user_id = $user_id
        order by newest.id desc
        limit $kept
    )
