-- Of what there is a new alert each period, as of a budget: which period it is about; none where nobody wrote that down.
alter table alerts add column edition integer;

-- Who is told of a thing hears of all its alerts in one line.
create index alerts_by_fingerprint on alerts (fingerprint);

-- Since when somebody carries it who has not said yet how that went.
alter table alert_deliveries add column taken_at integer;

-- Why it is not told any more, although it never arrived.
alter table alert_deliveries add column retired text;

-- Of several that waited for one receiver the latest is what there is to say.
update alert_deliveries
set
    next_at = null,
    retired = 'something newer was to be told'
where
    next_at is not null
    and exists (
        select 1
        from alert_deliveries as newer
        join alerts as its on its.id = newer.alert_id
        join alerts as ours on ours.fingerprint = its.fingerprint
        where
            ours.id = alert_deliveries.alert_id
            and newer.receiver = alert_deliveries.receiver
            and newer.id > alert_deliveries.id
            and newer.next_at is not null
    );
