-- Where a cost comes from, the tokens that have prices of their own, and what was made of the attempts that failed.

alter table requests add column cost_source varchar;

alter table requests add column price varchar;

alter table requests add column cache_write_1h_tokens bigint;

alter table requests add column input_audio_tokens bigint;

alter table requests add column input_image_tokens bigint;

alter table requests add column output_audio_tokens bigint;

alter table requests add column output_image_tokens bigint;

alter table requests add column attempts.element.verdict varchar;

alter table requests add column attempts.element.rest_us bigint;

alter table requests add column attempts.element.reason varchar;
