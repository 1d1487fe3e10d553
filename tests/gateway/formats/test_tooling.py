"""Tools fit the dialect, in declarations, choices, calls and results alike."""

from __future__ import annotations

import pytest
from msgspec import structs

from gateway.errors import UnsupportedParameter
from gateway.formats.format import ToolRules
from gateway.formats.losses import Losses
from gateway.formats.neutral import Grammar, Part, Prompt, Text, Tool, ToolCall, ToolChoice, ToolResult, Turn
from gateway.formats.tooling import ToolName, ToolNames, fit_tools, input_schema
from gateway.records import ModelFacts

STRICT = ToolRules("A-Za-z0-9_-", 64, "A-Za-z0-9_-", 64)
NATIVE = ToolRules("A-Za-z0-9_-", 64, "A-Za-z0-9_-", 64, custom=True)
GRAMMAR = Grammar("lark", "start: /.+/s")
PATCH = Tool("apply_patch", "custom", "Edit files.", grammar=GRAMMAR)


def fit(
    prompt: Prompt, rules: ToolRules = STRICT, *, custom_tools: bool | None = None
) -> tuple[Prompt, ToolNames, tuple[str, ...]]:
    losses = Losses({})
    fitted, names = fit_tools(prompt, rules, ModelFacts(custom_tools=custom_tools), losses)
    return fitted, names, losses.report


def asked(*parts: Part) -> tuple[Turn, ...]:
    return (Turn("assistant", parts),)


def test_what_fits_is_left_alone() -> None:
    turns = (*asked(Text("a"), ToolCall("1", "f", "{}")), Turn("user", (ToolResult("1", (), "f"), Text("t"))))
    choice = ToolChoice("named", ("f",))
    prompt = Prompt((), (Turn("user", (Text("q"),)), *turns), tools=(Tool("f"),), tool_choice=choice, parallel=True)
    assert fit(prompt) == (prompt, ToolNames(), ())


def test_one_name_is_the_same_everywhere() -> None:
    """Pitfall 39."""
    history = (*asked(ToolCall("1", "a.b", "{}"), ToolCall("2", "old tool", "{}")),)
    answered = Turn("user", (ToolResult("1", (), "a.b"), ToolResult("2", (), "old tool")))
    prompt = Prompt((), (*history, answered), tools=(Tool("a.b"),), tool_choice=ToolChoice("named", ("a.b",)))
    fitted, names, _ = fit(prompt)
    assert fitted == Prompt(
        (),
        (
            *asked(ToolCall("1", "a_b", "{}"), ToolCall("2", "old_tool", "{}")),
            Turn("user", (ToolResult("1", (), "a_b"), ToolResult("2", (), "old_tool"))),
        ),
        tools=(Tool("a_b"),),
        tool_choice=ToolChoice("named", ("a_b",)),
    )
    assert names.restored == {"a_b": ToolName("a.b"), "old_tool": ToolName("old tool")}


def test_ids_are_cleaned_on_calls_and_results_alike() -> None:
    """Pitfalls 40 and 92."""
    prompt = Prompt((), (*asked(ToolCall("call:1.x", "f", "")), Turn("user", (ToolResult("call:1.x", ()),))))
    (call,), (result,) = (turn.parts for turn in fit(prompt)[0].turns)
    assert call == ToolCall("call_1_x_c68cd211", "f", "")
    assert result == ToolResult("call_1_x_c68cd211", (), "f")


def test_namespaces_are_flattened() -> None:
    """Pitfall 62."""
    tools = (Tool("get", namespace="crm"), Tool("get"))
    turns = asked(ToolCall("1", "get", "{}", namespace="crm"), ToolCall("2", "get", "{}"))
    fitted, names, report = fit(Prompt((), turns, tools=tools))
    assert fitted.tools == (Tool("crm__get"), Tool("get"))
    assert fitted.turns == asked(ToolCall("1", "crm__get", "{}"), ToolCall("2", "get", "{}"))
    assert names.restored == {"crm__get": ToolName("get", "crm")}
    assert report == ()


def test_the_first_declaration_of_a_name_counts() -> None:
    """TDEF-2; pitfall 63."""
    search = Tool("web_search", "server", server="web_search")
    tools = (Tool("f", description="1"), search, Tool("f", description="2"), search, Tool("f", namespace="n"))
    assert fit(Prompt((), (), tools=tools))[0].tools == (Tool("f", description="1"), search, Tool("n__f"))


def test_a_free_form_tool_becomes_a_function() -> None:
    """TDEF-5; pitfall 60."""
    call = ToolCall("1", "apply_patch", "*** é", "custom")
    prompt = Prompt((), asked(call), tools=(Tool("f"), PATCH), tool_choice=ToolChoice("named", ("apply_patch",)))
    fitted, names, report = fit(prompt)
    assert fitted.tools[1] == Tool(
        "apply_patch",
        description="Edit files.\nThe input is free text, not JSON.\nIt must match this lark grammar:\nstart: /.+/s",
        schema=input_schema(),
    )
    assert fitted.turns == asked(ToolCall("1", "apply_patch", '{"input":"*** é"}'))
    assert names.restored == {"apply_patch": ToolName("apply_patch", "", "custom")}
    assert report == ("tools[1] (emulated)",)


def test_a_free_form_tool_without_a_description_is_told_as_one() -> None:
    (tool,) = fit(Prompt((), (), tools=(Tool("p", "custom", namespace="n"),)))[0].tools
    assert (tool.name, tool.namespace, tool.description) == ("n__p", "", "The input is free text, not JSON.")


@pytest.mark.parametrize(("rules", "known"), [(NATIVE, None), (NATIVE, False), (STRICT, True)])
def test_a_free_form_tool_stays_one_where_there_are_such(rules: ToolRules, known: bool | None) -> None:
    prompt = Prompt((), asked(ToolCall("1", "apply_patch", "x", "custom")), tools=(PATCH,))
    fitted, names, report = fit(prompt, rules, custom_tools=known)
    assert (fitted, report) == (prompt, ())
    assert names.restored == {"apply_patch": ToolName("apply_patch", "", "custom")}


def test_without_tools_there_is_nothing_to_choose() -> None:
    """TCHO-1; pitfall 65."""
    prompt = Prompt((), (), tool_choice=ToolChoice("auto"), parallel=False)
    assert fit(prompt) == (Prompt((), ()), ToolNames(), ("tool_choice", "parallel"))
    assert fit(Prompt((), ()))[2] == ()
    with pytest.raises(UnsupportedParameter):
        fit_tools(prompt, STRICT, ModelFacts(), Losses({}, strict=True))


def test_a_result_of_an_unknown_call_keeps_its_name() -> None:
    prompt = Prompt((), (Turn("user", (ToolResult("1", (), "f"),)),))
    assert fit(prompt)[0] == prompt


def test_tools_of_the_client_are_not_changed() -> None:
    before = structs.replace(PATCH)
    fit(Prompt((), (), tools=(PATCH,)))
    assert before == PATCH
