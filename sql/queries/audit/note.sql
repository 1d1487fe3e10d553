-- What was changed just now, by whom?
insert into audit (
    id, at, actor_kind, actor_id, actor_name, address, action, target_kind, target_id, target_name, before, after
)
values (
    $id, $at, $actor_kind, $actor_id, $actor_name, $address, $action, $target_kind, $target_id, $target_name, $before,
    $after
)
