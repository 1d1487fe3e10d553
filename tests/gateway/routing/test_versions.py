"""Names of one model are found by one another, and names of two are not taken for one."""

from __future__ import annotations

import pytest

from gateway.routing.versions import Listed, Name, take_apart


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", Name("gpt-4o")),
        ("gpt-4o-2024-08-06", Name("gpt-4o", "20240806")),
        ("claude-sonnet-4-5-20250929", Name("claude-sonnet-4-5", "20250929")),
        ("claude-sonnet-4.5", Name("claude-sonnet-4-5")),
        ("claude-opus-4-5@20251101", Name("claude-opus-4-5", "20251101")),
        ("claude-3-5-haiku-latest", Name("claude-3-5-haiku", is_latest=True)),
        ("MiniMax-M2.1", Name("minimax-m2-1")),
        ("a.b-1.c", Name("a.b-1.c")),
        ("model-20251399", Name("model-20251399")),
        ("model-2025-0806", Name("model-2025-0806")),
        ("model-12345678", Name("model-12345678")),
        ("mistral-large-2411", Name("mistral-large-2411")),
    ],
)
def test_a_name_has_parts(model: str, name: Name) -> None:
    assert take_apart(model) == name


FOUND: dict[str, tuple[tuple[str, ...], str, str | None]] = {
    "as it is": (("m", "M"), "M", "M"),
    "another case": (("MiniMax-M2",), "minimax-m2", "MiniMax-M2"),
    "dots": (("gpt-4.1-mini",), "gpt-4-1-mini", "gpt-4.1-mini"),
    "the first of two spellings": (("m-1.5", "m-1-5"), "M-1.5", "m-1.5"),
    "the newest": (("m-20250101", "m-20251231", "m-2025-06-30"), "m", "m-20251231"),
    "an alias before the newest": (("m-20250101", "m-latest"), "m", "m-latest"),
    "the name before an alias": (("m-latest", "m"), "m-latest", "m-latest"),
    "the name before an alias behind it": (("m", "m-latest"), "m", "m"),
    "the latest by its name": (("m", "m-20250101"), "m-latest", "m"),
    "the latest by its day": (("m-20250101",), "m-latest", "m-20250101"),
    "a day by the name": (("m",), "m-20250101", "m"),
    "a day by the alias": (("m-latest",), "m-20250101", "m-latest"),
    "a day in another form": (("m-2025-01-01",), "m-20250101", "m-2025-01-01"),
    "no other day": (("m", "m-20250101"), "m-20240101", None),
    "no other model": (("m-mini",), "m", None),
    "no longer name": (("m",), "m-mini", None),
    "nothing": ((), "m", None),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_a_list_has_for_a_name(case: str) -> None:
    listed, asked, expected = FOUND[case]
    assert Listed(listed).find(asked) == expected


def test_ids_stay_in_their_order_and_are_there_once() -> None:
    assert Listed(["b", "a", "b"]).ids == ("b", "a")
