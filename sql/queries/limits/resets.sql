-- Which client keys were counted from nothing since an instant, and when?
select key_id, at
from limit_resets
where at > $since_us
