-- What waits for the same receiver, of the same thing, since this was taken?
select newer.event
from alert_deliveries as newer
join alerts as its on its.id = newer.alert_id
join alerts as ours on ours.fingerprint = its.fingerprint
join alert_deliveries as this on this.alert_id = ours.id
where
    this.id = $id
    and newer.receiver = this.receiver
    and newer.id <> this.id
    and newer.next_at is not null
    and newer.taken_at is null
