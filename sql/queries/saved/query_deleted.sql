-- Which saved query is gone?
delete from saved_queries
where id = $id
