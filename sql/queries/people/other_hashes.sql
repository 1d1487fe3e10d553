-- In which ways are passwords kept otherwise than a new one would be? One hash for each way: of bcrypt the first seven
-- characters tell it, of Argon2id at most 36. `$start` is what the hashes of new ones begin with.
select min(password_hash) as password_hash
from users
where
    password_hash is not null
    and substr(password_hash, 1, length(cast($start as text))) <> cast($start as text)
group by substr(password_hash, 1, case when substr(password_hash, 2, 1) = '2' then 7 else 36 end)
