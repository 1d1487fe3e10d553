-- What was changed, latest first, from an entry on, as far as asked for?
select
    id,
    at,
    actor_kind,
    actor_id,
    actor_name,
    address,
    action,
    target_kind,
    target_id,
    target_name,
    before,
    after
from audit
where
    (cast($before_id as text) is null or id < $before_id)
    and (cast($actor_id as text) is null or actor_id = $actor_id)
    and (cast($actor_kind as text) is null or actor_kind = $actor_kind)
    and (cast($actor as text) is null or lower(actor_name) like '%' || lower(cast($actor as text)) || '%')
    and (
        cast($action as text) is null
        or action = $action
        or substr(action, 1, length(cast($action as text)) + 1) = cast($action as text) || '.'
    )
    and (cast($without as text) is null or not lower(action) like '%.' || lower(cast($without as text)))
    and (cast($target_kind as text) is null or target_kind = $target_kind)
    and (cast($target_id as text) is null or target_id = $target_id)
    and (
        cast($target as text) is null
        or target_id = $target
        or lower(target_name) like '%' || lower(cast($target as text)) || '%'
    )
    and (cast($since_us as bigint) is null or at >= $since_us)
    and (cast($until_us as bigint) is null or at < $until_us)
order by id desc
limit $limit
