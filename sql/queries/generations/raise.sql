-- From where on is a class of things counted, when no number up to another one may be told again?
update generations
set value = 1 + case when value > $floor then value else $floor end
where name = $name
