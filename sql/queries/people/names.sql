-- What are users called?
select id, name, email
from users
