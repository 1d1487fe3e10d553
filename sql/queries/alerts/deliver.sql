-- What is a receiver to be told?
insert into alert_deliveries (id, alert_id, receiver, event, told, created_at, next_at)
values ($id, $alert_id, $receiver, $event, $told, $now_us, $now_us)
