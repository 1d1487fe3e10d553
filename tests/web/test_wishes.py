from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import Unacceptable
from web import wishes
from web.entries import check_typed
from web.forms import Form


def form(**fields: str | tuple[str, ...]) -> Form:
    return Form({name: value if isinstance(value, tuple) else (value,) for name, value in fields.items()})


def test_what_was_not_sent_is_not_read_and_what_is_empty_is_taken_back() -> None:
    names = ("models", "weight", "rests", "base_url", "prefixes")
    sent = form(models=" a*, !ab\nc ", weight="", rests=("no", "yes"), base_url="  ")
    assert wishes.read(sent, names) == {"models": ["a*", "!ab", "c"], "weight": None, "rests": True, "base_url": None}
    assert wishes.read(form(rests=("no",)), names) == {"rests": False}


@pytest.mark.parametrize("text", ["x", "1.5", "--1", "1e3", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 13, "-", "- 1"])
def test_a_number_is_a_whole_one(text: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        wishes.read(form(weight=text), ("weight",))
    assert refused.value.param == "weight"
    assert wishes.read(form(priority="-3"), ("priority",)) == {"priority": -3}


def test_a_list_holds_what_can_be_typed() -> None:
    with pytest.raises(Unacceptable) as refused:
        wishes.read(form(models="a\x00b"), ("models",))
    assert refused.value.param == "models"


def test_headers_are_lines_and_boxes_take_them_away() -> None:
    sent = form(headers="x-team: one two\r\n\r\n x-other:2 ", without=("x-gone", "x-other"))
    assert wishes.headers(sent) == {"x-gone": None, "x-other": "2", "x-team": "one two"}
    assert wishes.headers(form()) == {}


@pytest.mark.parametrize("text", ["x-team", "x team: 1", "x-team:", ": 1", "x-team: \x07"])
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        wishes.headers(form(headers=f"x-good: 1\n{text}"))
    assert refused.value.param == "headers"


def test_a_proxy_that_is_not_typed_stays() -> None:
    assert wishes.proxy(form(proxy="")) == {}
    assert wishes.proxy(form(proxy="none")) == {"proxy": "none"}
    assert wishes.proxy(form(proxy="http://p:1", without_proxy=("no", "yes"))) == {"proxy": None}


def test_places_are_those_of_the_preset() -> None:
    sent = form(**{"variables.region": "eu", "variables.project": "", "variables.other": "x"})
    assert wishes.variables(sent, ("region", "project")) == {"region": "eu", "project": None}


@pytest.mark.parametrize(
    ("param", "message", "field"),
    [
        (None, "It cannot be.", None),
        ("models.0", "`models[0]`: no.", "models"),
        ("base_url", "`base_url`: no.", "base_url"),
        ("headers.x-team", "no", "headers"),
        ("variables", "`variables`: set `variables.region`: where it is.", "variables.region"),
        ("variables.region", "no", "variables.region"),
        ("variables", "no", None),
        ("credential.api_key", "no", "credential.api_key"),
        ("credential.models.1", "no", "credential.models"),
    ],
)
def test_a_mistake_is_beside_its_field(param: str | None, message: str, field: Any) -> None:
    with pytest.raises(Unacceptable) as refused, wishes.beside_fields():
        raise Unacceptable(message, param=param)
    assert refused.value.param == field


def test_a_mistake_is_told_in_plain_words() -> None:
    assert wishes.plain("`base_url`: 10.0.0.8 is private, `network.allow` does not name it.") == (
        "10.0.0.8 is private, network.allow does not name it."
    )
    assert wishes.plain("`models[0]`: expected a name.") == "Expected a name."
    assert wishes.plain("") == ""


def test_a_name_must_be_typed_to_delete_it() -> None:
    check_typed(form(confirm=" mine "), "mine", "confirm")
    with pytest.raises(Unacceptable) as refused:
        check_typed(form(confirm="Mine"), "mine", "confirm")
    assert refused.value.param == "confirm"


def test_of_what_is_new_only_what_is_said_is_kept() -> None:
    assert wishes.said_only({"a": None, "b": {}, "c": 0, "d": False, "e": "x"}) == {"c": 0, "d": False, "e": "x"}
