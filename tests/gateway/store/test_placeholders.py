from __future__ import annotations

import pytest

from gateway.store.placeholders import translated

CASES = {
    "select $a": "select %(a)s",
    "select $a, $a, $a_b2": "select %(a)s, %(a)s, %(a_b2)s",
    "select '$a', \"$a\", $b": "select '$a', \"$a\", %(b)s",
    "select 'it''s $a' || $b": "select 'it''s $a' || %(b)s",
    "select 1 -- the $a of 'it\n, $b": "select 1 -- the $a of 'it\n, %(b)s",
    "select /* $a ' */ $b /* -- */, $c": "select /* $a ' */ %(b)s /* -- */, %(c)s",
    "select a % $b, '%' -- %": "select a %% %(b)s, '%%' -- %%",
    "select $1, $$a$$, a$b": "select $1, $$a$$, a$b",
    "select cast($a as text)": "select cast(%(a)s as text)",
    "select 'x' $a 'y'": "select 'x' %(a)s 'y'",
}


@pytest.mark.parametrize("statement", CASES)
def test_a_parameter_is_one_only_where_sql_has_one(statement: str) -> None:
    assert translated(statement) == CASES[statement]
