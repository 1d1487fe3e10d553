-- What does DuckDB's parser make of a text?
select json_serialize_sql(cast($text as varchar)) as tree
