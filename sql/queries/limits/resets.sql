-- Which client keys were counted from nothing, and when?
select key_id, at
from limit_resets
