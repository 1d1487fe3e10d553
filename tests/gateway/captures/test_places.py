"""A capture lies where its id says, and what an hour weighs is known without looking at each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.captures.places import (
    BLOCK_BYTES,
    add_weight,
    begun,
    blocks_of,
    ended_by,
    folder_of,
    hours,
    is_id,
    place_of,
    weight_of,
)
from tests.gateway.captures.takes import id_at

THEN = datetime(2026, 3, 9, 23, 59, 59, 999000, tzinfo=UTC)


def test_the_id_says_where() -> None:
    capture_id = id_at(THEN)
    assert place_of(Path("/d/captures"), capture_id) == Path(f"/d/captures/2026-03-09/23/{capture_id}.cap")
    assert begun(capture_id) == THEN - datetime(1970, 1, 1, tzinfo=UTC)
    assert folder_of(Path("/d")) == Path("/d/captures")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "../../state.sqlite3",
        "01a201cd-aa28-4977-8ca7-f6b69e9b7a76",
        "01A201CD-AA28-7977-8CA7-F6B69E9B7A76",
        "01a201cd-aa28-7977-8ca7-f6b69e9b7a76\n",
        "01a201cd-aa28-7977-8ca7-f6b69e9b7a7",
        "ffffffff-ffff-7977-8ca7-f6b69e9b7a76",
    ],
)
def test_what_is_no_id_of_an_exchange_is_told(text: str) -> None:
    assert not is_id(text)


def test_an_id_is_told_too() -> None:
    assert is_id(id_at(THEN))


def test_hours_are_in_order_and_nothing_else_is_one(tmp_path: Path) -> None:
    assert hours(tmp_path / "nothing") == []
    there = ["2026-03-10/00", "2026-03-09/23", "2026-03-09/05"]
    for name in (*there, "2026-03-09/24", "2026-03-09/x", "lost+found/01"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "tidying").touch()
    assert [str(hour.relative_to(tmp_path)) for hour in hours(tmp_path)] == sorted(there)


def test_an_hour_is_over_when_its_last_moment_is() -> None:
    hour = Path("/d/captures/2026-03-09/23")
    midnight = datetime(2026, 3, 10, tzinfo=UTC)
    assert ended_by(hour, midnight)
    assert not ended_by(hour, midnight - timedelta(milliseconds=1))


def test_weight_is_counted_in_blocks(tmp_path: Path) -> None:
    assert weight_of(tmp_path) == 0
    for size in (1, BLOCK_BYTES, BLOCK_BYTES + 1):
        add_weight(tmp_path, blocks_of(size))
    assert weight_of(tmp_path) == 4 * BLOCK_BYTES
