-- Which saved query has this id?
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
where saved_queries.id = $id
