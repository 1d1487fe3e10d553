-- Which saved views are there for somebody, their own and those that are shared, latest first, as far as asked for?
select
    saved_views.id,
    saved_views.user_id,
    users.name as user_name,
    users.email,
    saved_views.page,
    saved_views.name,
    saved_views.query,
    saved_views.shared,
    saved_views.created_at,
    saved_views.updated_at,
    saved_views.version
from saved_views
join users
    on users.id = saved_views.user_id
where
    (cast($before_id as text) is null or saved_views.id < $before_id)
    and (saved_views.user_id = cast($user_id as text) or saved_views.shared = 1)
    and (cast($page as text) is null or saved_views.page = $page)
order by saved_views.id desc
limit $limit
