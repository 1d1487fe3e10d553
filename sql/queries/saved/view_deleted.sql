-- Which saved view is gone?
delete from saved_views
where id = $id
