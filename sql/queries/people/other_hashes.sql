-- Which passwords are kept otherwise than a new one would be? `$start` is what the hashes of new ones begin with.
select password_hash
from users
where
    password_hash is not null
    and substr(password_hash, 1, length(cast($start as text))) <> cast($start as text)
