-- What does the gateway itself keep secret?
select name, sealed
from server_secrets
order by name
