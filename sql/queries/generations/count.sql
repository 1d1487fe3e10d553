-- Which change of this class of things is this?
update generations
set value = value + 1
where name = $name
returning value
