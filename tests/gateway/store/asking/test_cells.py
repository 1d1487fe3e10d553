"""What comes out of a statement as CSV and as values of JSON, through a real DuckDB."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import duckdb
import pytest

from gateway.store.asking.cells import CUT, LONGEST_CELL, columns_of, csv_header, csv_lines, none_of, shown, values


def lines_of(text: str) -> bytes:
    with duckdb.connect() as connection:
        columns = columns_of(connection.execute(none_of(text)).description)
        lines = connection.execute(csv_lines(text, columns)).fetchall()
        return csv_header(columns) + b"".join(f"{line}\r\n".encode() for (line,) in lines)


def cells_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(lines_of(text).decode(), newline=""), strict=True))


def values_of(text: str) -> list[list[Any]]:
    with duckdb.connect() as connection:
        columns = columns_of(connection.execute(none_of(text)).description)
        read = values(columns)
        found = [read(row) for row in connection.execute(shown(text, columns)).fetchall()]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def one(expression: str) -> Any:
    return values_of(f"select {expression}")[0][0]


def cell(expression: str) -> str:
    return cells_of(f"select {expression} as c")[1][0]


def test_a_line_is_as_the_rfc_says() -> None:
    text = "select 1 as a, 'x,\"y\"' as b, null as c, '' as d union all select 2, e'\\r\\nz', 'ü', ' '"
    assert lines_of(text) == (b'"a","b","c","d"\r\n' + b'1,"x,""y""",,""\r\n' + '2,"\'\r\nz","ü"," "\r\n'.encode())


def test_a_reader_of_csv_gets_back_what_was_there() -> None:
    odd = "a\"b,c;d'e\\f\ng\u2028h\x01i"
    assert cells_of(f'select {quoted(odd)} as "odd, isn\'t it", 2 as n') == [["odd, isn't it", "n"], [odd, "2"]]


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_what_a_spreadsheet_takes_for_a_formula_has_an_apostrophe_before_it(beginning: str) -> None:
    text = f"{beginning}cmd|' /C calc'!A0"
    assert cell(quoted(text)) == f"'{text}"
    assert cells_of(f"select 1 as {quoted_name(text)}")[0] == [f"'{text}"]
    if beginning.isprintable():
        assert cell(f"cast('{beginning}1' as blob)") == f"'{beginning}1", "whatever is written like one"


def test_what_only_has_such_a_character_in_it_stays_as_it_is() -> None:
    for text in ("a=1", "1-2", "x@y.example", "", " =1", "'=1"):
        assert cell(quoted(text)) == text


def test_numbers_stay_numbers() -> None:
    assert cells_of(
        "select -5 as a, -1.5 as b, -2.5::double as c, true as d, -170141183460469231731687303715884105727 as e"
    )[1] == ["-5", "-1.5", "-2.5", "true", "-170141183460469231731687303715884105727"]


def test_what_has_values_in_it_is_json() -> None:
    assert cell("[{'a': 1, 'b': '=x'}]") == '[{"a":1,"b":"=x"}]'
    assert cell("map {'a': 1}") == '{"a":1}'
    assert cell("['=1']") == '["=1"]'


def test_times_and_ids_are_as_duckdb_writes_them() -> None:
    assert cell("make_timestamp(1)") == "1970-01-01 00:00:00.000001"
    assert cell("'0192f0e1-0000-7000-8000-00000000000a'::uuid") == "0192f0e1-0000-7000-8000-00000000000a"
    assert cell("timezone('UTC', make_timestamp(0))").startswith("1970-01-01")


def test_a_column_may_have_any_name_and_the_same_one_twice() -> None:
    assert cells_of('select 1 as "a""b", 2 as "select", 3 as "x y", 4 as a, 5 as a')[1] == ["1", "2", "3", "4", "5"]
    assert values_of('select 1 as "a""b", 2 as "select", 3 as a, 4 as a') == [[1, 2, 3, 4]]


def test_the_order_of_rows_is_kept() -> None:
    text = "select range as n from range(5000) order by hash(range) desc"
    with duckdb.connect() as connection:
        expected = [str(n) for (n,) in connection.execute(text).fetchall()]
    assert [line[0] for line in cells_of(text)[1:]] == expected
    assert [str(row[0]) for row in values_of(text)] == expected


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1", 1),
        ("true", True),
        ("null", None),
        ("1.5", 1.5),
        ("1e400", "inf"),
        ("'nan'::double", "nan"),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", "9223372036854775808"),
        ("sum(5) from range(3)", 15),
        ("'x'", "x"),
        ("''", ""),
        ("'a'::enum('a')", "a"),
        ("date '2020-01-02'", "2020-01-02"),
        ("interval '1 day'", "1 day"),
        ("'ab'::blob", "ab"),
        ("timezone('UTC', make_timestamp(0))", "1970-01-01 00:00:00+00"),
        ("[1, null, 3]", [1, None, 3]),
        ("{'a': 1, 'b': ['x']}", {"a": 1, "b": ["x"]}),
        ("map {'k': 1.5}", {"k": 1.5}),
        ("'{\"a\": 1}'::json", {"a": 1}),
        ("[timezone('UTC', make_timestamp(0))]", ["1970-01-01 00:00:00+00"]),
        ("[]::integer[]", []),
        ("null::integer[]", None),
    ],
)
def test_a_value_is_one_of_json(expression: str, value: Any) -> None:
    assert one(expression) == value


def test_what_is_long_is_cut_where_it_is_shown_and_nowhere_else() -> None:
    assert one(f"repeat('x', {LONGEST_CELL})") == "x" * LONGEST_CELL
    assert one(f"repeat('ü', {LONGEST_CELL + 1})") == "ü" * LONGEST_CELL + CUT
    cut = one("list(range) from range(10000)")
    assert cut.startswith("[0,1,2,")
    assert cut.endswith(CUT)
    assert cell("repeat('x', 50000)") == "x" * 50000


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def quoted_name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
