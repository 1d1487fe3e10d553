from __future__ import annotations

from web.grouped import REST, Naming, series_of


def test_the_largest_come_first_and_the_rest_is_one() -> None:
    points = [(0, "a", 1e9), (1, "b", 3e9), (1, "x", 5e9), (0, "y", 4e9), (1, "free", 0.0)]
    naming = Naming({"a": "series-1", "b": "series-2", "free": "series-3"}, called=str.upper, about={"b", "y"})
    found = series_of(points, 2, naming)
    assert [(each.name, each.tint, list(each.values), each.total) for each in found] == [
        ("B", "series-2", [0, 3e9], "≈ $3.00"),
        ("A", "series-1", [1e9, 0], "$1.00"),
        (REST, "series-0", [4e9, 5e9], "≈ $9.00"),
    ]


def test_what_has_no_name_is_one_like_others() -> None:
    naming = Naming({"": "series-4"}, called=lambda name: name or "none", link=lambda name: f"/{name}")
    (none, rest) = series_of([(0, "", 1.0), (0, "x", 9.0)], 1, naming)
    assert (none.name, none.tint, none.link) == ("none", "series-4", "/")
    assert (rest.name, rest.link) == (REST, "")
