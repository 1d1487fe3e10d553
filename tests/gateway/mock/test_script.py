from __future__ import annotations

from dataclasses import fields

import pytest

from gateway import mock as package
from gateway.mock.script import BEHAVIOURS, PLAIN, BadScript, Script, read_script, split_model


def test_every_behaviour_has_a_field_and_every_field_a_behaviour() -> None:
    assert [each.name for each in BEHAVIOURS] == [each.name for each in fields(Script)][:-1]


@pytest.mark.parametrize("name", [each.name for each in BEHAVIOURS])
def test_every_behaviour_is_explained_to_users(name: str) -> None:
    assert package.__doc__ is not None
    assert f"`{name}" in package.__doc__


@pytest.mark.parametrize(
    ("model", "expected"),
    [("gpt", ("gpt", "")), ("gpt;chunks=2;crlf", ("gpt", "chunks=2;crlf")), (";cut=1", ("", "cut=1"))],
)
def test_a_model_is_a_base_name_and_a_script(model: str, expected: tuple[str, str]) -> None:
    assert split_model(model) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("20ms", 0.02), ("1.5s", 1.5), ("500us", 0.0005), ("30", 0.03), ("0", 0.0)]
)
def test_times_have_units(text: str, seconds: float) -> None:
    assert read_script(f"pace={text}").pace == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "size"), [("12", 12), ("64KiB", 65536), ("1mib", 1 << 20), ("0.5KiB", 512)])
def test_sizes_have_units(text: str, size: int) -> None:
    assert read_script(f"size={text}").size == size


def test_a_bare_flag_is_on_and_a_flag_can_be_off() -> None:
    assert read_script("crlf").crlf
    assert not read_script("crlf=off").crlf


def test_a_later_value_wins_and_empty_items_do_not_count() -> None:
    assert read_script("chunks=1;; chunks=2 ;").chunks == 2


def test_nothing_asked_is_the_plain_script() -> None:
    assert read_script("") == PLAIN


def test_content_alone_leaves_the_wire_alone() -> None:
    assert not read_script("chunks=3;size=4;usage=off;tag=a").on_the_wire
    assert read_script("chunks=3;cut=1").on_the_wire


@pytest.mark.parametrize(
    "text",
    ["unheard=1", "chunks=many", "chunks=-1", "chunks=", "pace=fast", "pace=-1ms", "pace=nan", "pace=1e300s",
     "usage=perhaps", "status=200", "status=999", "crlf=maybe", "chunks=\u0661"],
)  # fmt: skip
def test_what_cannot_be_played_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadScript):
        read_script(text)
