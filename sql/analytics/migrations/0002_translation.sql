-- What translation between dialects could not carry over, and which dialect the provider was spoken to in.

alter table requests add column dropped varchar[];

alter table requests add column upstream_format varchar;
