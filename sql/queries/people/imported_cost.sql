-- What is the highest cost of a bcrypt hash that is kept? It stands behind the mark of the scheme: dollar, `2b`, dollar, `12`.
select max(substr(password_hash, 5, 2)) as cost
from users
where password_hash like '_2__%'
