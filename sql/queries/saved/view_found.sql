-- Which saved view has this id?
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
where saved_views.id = $id
