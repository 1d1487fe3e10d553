-- Which responses have had their time, so many of them at once?
delete from responses
where (key, id) in (
    select key, id
    from responses
    where expires_at <= $now
    order by expires_at
    limit $limit
)
