-- Which request may be made again?
delete from idempotent_answers
where
    actor = $actor
    and key = $key
    and status is null
