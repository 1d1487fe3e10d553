-- What was found to be wrong, and what was told of it. Ids are UUIDv7 in text, so that they sort by age; times Unix
-- microseconds.
create table alerts (
    id text collate "C" primary key,
    -- What is the same about it as long as it is the same thing.
    fingerprint text collate "C" not null,
    kind text collate "C" not null,
    severity text collate "C" not null check (severity in ('warning', 'critical')),
    subject text collate "C" not null,
    -- The machine that it is about, and that judges it; empty where any does.
    node text collate "C" not null default '',
    -- It is told again when this rises.
    level bigint not null default 0,
    -- JSON: what is known of it in words and figures.
    told text collate "C" not null,
    opened_at bigint not null,
    -- When it was last found to be so.
    seen_at bigint not null,
    -- When somebody was last told; none where there was nobody to tell.
    sent_at bigint,
    -- Closed by hand: nobody is told any more until it is over and comes back.
    silenced_at bigint,
    closed_at bigint
);

-- So that of several who find the same at once one opens it.
create unique index alerts_open on alerts (fingerprint) where closed_at is null;
create index alerts_by_end on alerts (closed_at);

-- What each receiver is told, until it has been.
create table alert_deliveries (
    id text collate "C" primary key,
    alert_id text collate "C" not null references alerts (id) on delete cascade,
    -- `webhook/<name>` or `email`.
    receiver text collate "C" not null,
    event text collate "C" not null check (event in ('opened', 'worse', 'reminder', 'over')),
    -- JSON: what is told, as it was when it arose.
    told text collate "C" not null,
    created_at bigint not null,
    tries bigint not null default 0,
    -- When it is tried next, or whoever tries it now must have said how it went; none once it is over.
    next_at bigint,
    delivered_at bigint,
    -- Why it failed the last time; of one that was delivered what went wrong nevertheless.
    error text collate "C"
);

create index alert_deliveries_by_alert on alert_deliveries (alert_id);
create index alert_deliveries_by_time on alert_deliveries (next_at) where next_at is not null;
