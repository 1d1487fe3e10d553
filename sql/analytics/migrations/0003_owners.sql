-- Which key it was, for names may be used again, and whose.

alter table requests add column key_id varchar;

alter table requests add column user_id varchar;

alter table requests add column team_id varchar;
