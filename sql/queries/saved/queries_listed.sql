-- Which saved queries are there for somebody, their own and those that are shared, latest first, as far as asked for?
select
    saved_queries.id,
    saved_queries.user_id,
    users.name as user_name,
    users.email,
    saved_queries.name,
    saved_queries.query,
    saved_queries.shared,
    saved_queries.created_at,
    saved_queries.updated_at,
    saved_queries.version
from saved_queries
join users
    on users.id = saved_queries.user_id
where
    (cast($before_id as text) is null or saved_queries.id < $before_id)
    and (saved_queries.user_id = cast($user_id as text) or saved_queries.shared = 1)
order by saved_queries.id desc
limit $limit
