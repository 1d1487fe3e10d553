-- How much memory may the store have?
select current_setting('memory_limit') as size
