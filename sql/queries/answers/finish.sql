-- What was answered?
update idempotent_answers
set
    status = $status,
    sealed = $sealed
where
    actor = $actor
    and key = $key
