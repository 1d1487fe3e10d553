-- What is the database called that is asked?
select current_database() as name
