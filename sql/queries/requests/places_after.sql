-- Where do the requests stand that a filter means and that come next after this one, oldest first?
select
    epoch_us(found.ts) as started_at_us,
    cast(found.id as varchar) as id
from chosen($filter) as found
where
    found.ts >= make_timestamp($after_us)
    and (found.ts > make_timestamp($after_us) or found.id > cast($after_id as uuid))
order by found.ts, found.id
limit $limit
