-- What are client keys called?
select id, name
from client_keys
