"""Names fit, are told apart, and come back."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.format import ToolRules
from gateway.formats.tool_names import Naming, ToolName, ToolNames

STRICT = ToolRules("A-Za-z0-9_-", 64, "A-Za-z0-9_-", 64)
GEMINI = ToolRules("A-Za-z0-9_.:-", 128, "A-Za-z0-9_-", 64, name_first="A-Za-z_")


def test_a_name_that_fits_is_kept_and_needs_no_restoring() -> None:
    naming = Naming(STRICT)
    assert naming.upstream("get-it_1") == "get-it_1"
    assert naming.names() == ToolNames()


def test_two_names_that_fall_together_are_told_apart() -> None:
    """Pitfall 39: illegal names for Gemini; two of them collide after cleaning."""
    naming = Naming(STRICT)
    first, second, third = naming.upstream("a.b"), naming.upstream("a:b"), naming.upstream("a_b")
    assert first == "a_b"
    assert re.fullmatch("a_b_[0-9a-f]{8}", second)
    assert len({first, second, third}) == 3
    assert naming.names().restored[second] == ToolName("a:b")


def test_a_name_may_not_begin_with_everything() -> None:
    naming = Naming(GEMINI)
    assert naming.upstream("1st.tool") == "_1st.tool"
    assert naming.upstream("-x") == "_-x"
    assert naming.upstream("x") == "x"


def test_a_name_without_a_legal_character_is_something() -> None:
    assert Naming(STRICT).upstream("") == "_"


def test_a_namespace_becomes_part_of_the_name() -> None:
    """Pitfall 62: the same name in two places, both must come back right."""
    naming = Naming(STRICT)
    names = [naming.upstream("get", "crm"), naming.upstream("get", "erp"), naming.upstream("get")]
    assert names == ["crm__get", "erp__get", "get"]
    assert naming.names().restored == {"crm__get": ToolName("get", "crm"), "erp__get": ToolName("get", "erp")}
    assert naming.upstream("crm__get") != "crm__get"


def test_the_same_tool_has_the_same_name() -> None:
    naming = Naming(STRICT)
    assert naming.upstream("a b") == naming.upstream("a b")
    assert (naming.knows("a b", ""), naming.knows("a b", "ns")) == (True, False)


def test_free_form_tools_are_remembered_as_such() -> None:
    naming = Naming(STRICT)
    naming.declare("patch", "", custom=True)
    naming.declare("get", "", custom=False)
    assert naming.names().restored == {"patch": ToolName("patch", "", "custom")}


def test_a_tool_is_chosen_by_name_with_or_without_its_namespace() -> None:
    naming = Naming(STRICT)
    naming.declare("get", "crm", custom=False)
    naming.declare("put", "", custom=False)
    assert [naming.chosen(name) for name in ("get", "crm__get", "crm.get", "put")] == ["crm__get"] * 3 + ["put"]
    assert naming.chosen("no such") == "no_such"


def test_a_second_collision_is_told_apart_too() -> None:
    naming = Naming(STRICT)
    second = Naming(STRICT)
    second.upstream("a.b")
    taken = second.upstream("a:b")
    for name in (taken, "a.b", "a:b"):
        naming.upstream(name)
    assert len({naming.upstream(name) for name in (taken, "a.b", "a:b")}) == 3


@given(st.lists(st.tuples(st.text(max_size=80), st.sampled_from(("", "n", "."))), unique=True))
def test_names_fit_and_differ(tools: list[tuple[str, str]]) -> None:
    for rules, pattern in ((STRICT, "[A-Za-z0-9_-]{1,64}"), (GEMINI, "[A-Za-z_][A-Za-z0-9_.:-]{0,127}")):
        naming = Naming(rules)
        given_names = [naming.upstream(*tool) for tool in tools]
        assert all(re.fullmatch(pattern, name) for name in given_names)
        assert len(set(given_names)) == len(tools)
