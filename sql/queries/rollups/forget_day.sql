-- Which day is not rolled up any more?
delete from rolled
where d = $d
