-- Which responses led to this one, oldest first, and this one last? No further back than so many, nor so many bytes.
with recursive links (id, previous_id, steps, bytes) as (
    select id, previous_id, 1, size
    from responses
    where
        key = $key
        and id = $id
        and expires_at > $now
    union all
    select ancestor.id, ancestor.previous_id, links.steps + 1, links.bytes + ancestor.size
    from links
    join responses as ancestor
        on ancestor.key = $key
        and ancestor.id = links.previous_id
        and ancestor.expires_at > $now
    where
        links.steps < $most_steps
        and links.bytes + ancestor.size <= $most_bytes
)
select
    links.id,
    links.previous_id,
    kept.provider,
    kept.native,
    kept.omitted,
    kept.input,
    kept.response
from links
join responses as kept
    on kept.key = $key
    and kept.id = links.id
order by links.steps desc
