-- What was answered to a request, if anything was yet?
select digest, status, sealed
from idempotent_answers
where
    actor = $actor
    and key = $key
