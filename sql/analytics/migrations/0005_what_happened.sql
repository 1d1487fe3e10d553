-- What a page about one request tells: what it was called by, when its attempts began, who answered, what was kept.

alter table requests add column tags varchar[];

alter table requests add column via varchar;

alter table requests add column answered_model varchar;

alter table requests add column node varchar;

alter table requests add column has_tools boolean;

alter table requests add column admitted_us bigint;

alter table requests add column waited_us bigint;

alter table requests add column trace_id varchar;

alter table requests add column captured boolean;

alter table requests add column attempts.element.began_us bigint;

alter table requests add column attempts.element.connect_us bigint;

alter table requests add column attempts.element.head_us bigint;

-- Lists are slow to look into: what is filtered by is a column of its own.

alter table requests add column tries utinyint;

alter table requests add column lossy boolean;

update requests
set
    -- `least` passes over what is null.
    tries = case when attempts is not null then least(len(attempts), 255) end,
    lossy = coalesce(len(dropped), 0) > 0;
