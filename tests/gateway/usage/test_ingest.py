"""What comes of segments when nothing goes wrong but their lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import orjson
import pytest

from gateway.settings.model import UsageSettings
from gateway.usage import segments
from gateway.usage.spool import Spool, encode
from tests.gateway.usage.bench import Bench
from tests.gateway.usage.records import EXAMPLE, usage_record


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_every_field_of_a_record_is_in_its_row(bench: Bench) -> None:
    bench.put("a", EXAMPLE)
    bench.ingest.step()
    assert bench.ingest.connection is not None
    result = bench.ingest.connection.execute(
        "select * replace (epoch_us(ts) as ts, cast(id as varchar) as id) from requests"
    )
    columns = [column[0] for column in result.description or ()]
    (values,) = result.fetchall()
    row = dict(zip(columns, values, strict=True))
    expected = orjson.loads(encode(EXAMPLE))
    expected["ts"] = expected.pop("started_at_us")
    tokens = expected.pop("tokens")
    del tokens["cost_nano_usd"]  # it is the cost of the whole record
    expected |= {f"{name}_tokens": count for name, count in tokens.items()}
    expected |= {"tries": 2, "lossy": False}
    expected.setdefault("captured", None)
    assert row == expected


def test_any_text_comes_back_as_it_went_in(bench: Bench) -> None:
    texts = ["", "\x00", 'quote " and \\', "\n\r\t", "ünïcode 模型 🦆", "\u2028", "null", "a" * 100_000]
    bench.put("a", *(usage_record(user_agent=text) for text in texts))
    bench.ingest.step()
    assert bench.rows("user_agent") == texts


def test_taken_segments_leave_the_spool(bench: Bench) -> None:
    bench.put("a", usage_record())
    assert bench.ingest.step()
    assert list(bench.spool.iterdir()) == []
    assert bench.ingest.state.records == 1


def test_without_segments_there_is_nothing_to_come_back_for(bench: Bench) -> None:
    assert not bench.ingest.step()


def test_records_come_in_the_order_of_their_segments(bench: Bench) -> None:
    first, second, third = usage_record(), usage_record(), usage_record()
    for age, (name, record) in enumerate((("z", first), ("m", second), ("a", third))):
        os.utime(bench.put(name, record), ns=(age, age))
    bench.ingest.step()
    assert bench.rows() == [first.id, second.id, third.id]


def test_an_abandoned_open_segment_is_taken_without_its_torn_line(bench: Bench) -> None:
    whole = usage_record()
    bench.put("a", whole, raw=encode(usage_record())[:50], suffix=segments.OPEN)
    bench.steps()
    assert bench.rows() == [whole.id]
    assert bench.ingest.state.refused == 0


def test_an_abandoned_open_segment_is_taken_without_the_room_behind_its_lines(bench: Bench) -> None:
    records = [usage_record() for _ in range(3)]
    bench.put("a", *records[:2], raw=bytes(1_000_000), suffix=segments.OPEN)
    bench.put("b", records[2], raw=bytes(50) + encode(usage_record())[50:] + bytes(1_000_000), suffix=segments.OPEN)
    bench.steps()
    assert sorted(bench.rows()) == sorted(record.id for record in records)
    assert bench.ingest.state.refused == 0
    assert list(bench.spool.iterdir()) == []


def test_an_open_segment_with_an_owner_is_not_touched(bench: Bench) -> None:
    out = Spool(bench.spool, 0, UsageSettings())
    out.append(encode(usage_record()))
    bench.steps()
    assert bench.rows() == []
    out.close()
    bench.steps()
    assert len(bench.rows()) == 1


def test_what_is_filtered_by_is_told_of_the_lists(bench: Bench) -> None:
    often = EXAMPLE.attempts[:1] * 300
    lines = [usage_record(attempts=()), usage_record(attempts=often), usage_record(dropped=("seed",))]
    bench.put("a", *lines)
    bench.ingest.step()
    assert bench.rows("tries, lossy") == [(0, False), (255, False), (2, True)]


def test_unknown_fields_are_passed_over_and_missing_ones_are_null(bench: Bench) -> None:
    line = orjson.loads(encode(usage_record()))
    line["invented_later"] = {"a": [1]}
    line["attempts"][0]["weight"] = 3
    del line["user_agent"], line["credential"]
    bench.put("a", raw=orjson.dumps(line) + b"\n")
    bench.ingest.step()
    assert bench.rows("user_agent, credential, status") == [(None, None, 200)]
    assert bench.ingest.state.refused == 0


BAD_LINES = {
    "torn": encode(EXAMPLE)[:80] + b"\n",
    "no JSON": b"hello\n",
    "no id": encode(EXAMPLE).replace(b'"id":"0192f0e1-0000-7000-8000-000000000001"', b'"id":"mine"'),
    "not UTF-8": encode(EXAMPLE).replace(b"gpt-4o", b"gpt-\xff\xfe"),
    "zeros of a power loss": b"\x00" * 300,
    "zeros of a power loss in the middle": bytes(65_536) + encode(EXAMPLE)[300:] + encode(EXAMPLE),
    "an array": b"[1,2]\n",
    "a lone number": b"7\n",
    "nulls": b"null\n",
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES)
def test_a_line_that_cannot_be_read_costs_no_other_and_is_kept_for_people(bench: Bench, bad: bytes) -> None:
    good, others = usage_record(), [usage_record() for _ in range(3)]
    path = bench.put("bad", good, raw=bad)
    for number, record in enumerate(others):
        bench.put(f"good{number}", record)
    content = path.read_bytes()
    bench.steps(20)
    taken = set(bench.rows())
    assert {record.id for record in others} <= taken
    assert len(taken) == len(bench.rows())
    assert segments.closed(bench.spool) == []
    (kept,) = (bench.spool / "bad").iterdir()
    assert kept.read_bytes() == content
    # Either the readable lines are in the store, or the segment can be put back as it is.
    assert (good.id in taken) == (kept.suffix == segments.REFUSED)
    assert bench.ingest.state.set_aside == 1
    assert bench.ingest.state.trouble is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", b'"fine"'),
        ("request_bytes", b"18446744073709551615"),
        ("tokens", b"7"),
        ("attempts", b'[{"status":[]}]'),
    ],
)
def test_a_value_of_the_wrong_type_costs_no_other_value(bench: Bench, field: str, value: bytes) -> None:
    line = orjson.loads(encode(usage_record()))
    line[field] = orjson.Fragment(value)
    bench.put("a", usage_record(), raw=orjson.dumps(line) + b"\n")
    bench.ingest.step()
    assert bench.rows("key, model, total_us") == [("team", "gpt-4o", 420_000)] * 2
    assert bench.ingest.state.refused == 0


def test_a_segment_with_unreadable_lines_that_came_back_is_set_aside_again(bench: Bench) -> None:
    path = bench.put("a", usage_record(), raw=b"hello\n")
    content = path.read_bytes()
    bench.ingest.step()
    bench.store.close()
    (bench.spool / "bad" / "a.refused").unlink()
    path.write_bytes(content)
    bench.again()
    bench.steps()
    assert len(bench.rows()) == 1
    assert (bench.spool / "bad" / "a.refused").exists()


@pytest.mark.parametrize("count", [1, 64, 200])
def test_any_number_of_segments_is_taken(bench: Bench, count: int) -> None:
    for number in range(count):
        bench.put(f"{number:04d}", usage_record())
    while bench.ingest.step():
        pass
    assert len(set(bench.rows())) == count


def test_draining_takes_everything_and_shuts_the_store(bench: Bench) -> None:
    for number in range(100):
        bench.put(f"{number:04d}", usage_record())
    bench.put("abandoned", usage_record(), suffix=segments.OPEN)
    bench.ingest.drain(5)
    with duckdb.connect(str(bench.path), read_only=True) as connection:
        assert connection.execute("select count(*) from requests").fetchone() == (101,)
    assert list(bench.spool.iterdir()) == []


def test_a_store_that_reads_while_segments_come_loses_neither(bench: Bench) -> None:
    bench.put("a", usage_record())
    bench.ingest.step()
    assert bench.ingest.connection is not None
    reader = bench.ingest.connection.cursor()
    for number in range(20):
        bench.put(f"more{number}", usage_record())
        bench.ingest.step()
        assert reader.execute("select count(*) from requests").fetchone() == (number + 2,)
    reader.close()
