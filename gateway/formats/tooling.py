"""Tools of a prompt, fitted to a dialect: names and ids it takes, no namespaces, free-form tools as functions.

Calls in the history, their results and the choice of tools follow. What the provider answers is put back in the
client's words by `settle`, which goes by the names that come out here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from gateway.records import ModelFacts

from .arguments import as_text
from .format import ToolRules
from .ids import clean_id
from .losses import Losses
from .neutral import Part, Prompt, Tool, ToolCall, ToolChoice, ToolResult, Turn
from .tool_names import Naming, ToolName, ToolNames

__all__ = ("ToolName", "ToolNames", "fit_tools")


def fit_tools(prompt: Prompt, rules: ToolRules, facts: ModelFacts, losses: Losses) -> tuple[Prompt, ToolNames]:
    """The prompt with tools as the dialect takes them, and how to restore what was changed."""
    fitting = _Fitting(rules, custom=rules.custom or facts.custom_tools is True, losses=losses)
    if not prompt.tools:
        prompt = _without_choice(prompt, losses)
    tools = fitting.declarations(prompt.tools)
    choice = fitting.choice(prompt.tool_choice)
    turns = tuple(fitting.turn(turn) for turn in prompt.turns)
    return structs.replace(prompt, tools=tools, tool_choice=choice, turns=turns), fitting.naming.names()


def input_schema() -> dict[str, Any]:
    """The arguments of a function that stands for a free-form tool (TDEF-5)."""
    return {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
        "additionalProperties": False,
    }


class _Fitting:
    """One prompt on its way to a dialect."""

    def __init__(self, rules: ToolRules, *, custom: bool, losses: Losses) -> None:
        self.naming = Naming(rules)
        self._rules = rules
        self._custom = custom
        self._losses = losses
        self._upstream_names: dict[str, str] = {}
        """Of calls, by their id as the client knows it."""

    def declarations(self, tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
        """Each tool once: the first declaration of a name counts (TDEF-2)."""
        out = []
        hosted: set[tuple[str, str]] = set()
        for index, tool in enumerate(tools):
            if tool.kind == "server":
                if (tool.server, tool.name) not in hosted:
                    out.append(tool)
                hosted.add((tool.server, tool.name))
            elif not self.naming.knows(tool.name, tool.namespace):
                out.append(self._declared(tool, index))
        return tuple(out)

    def choice(self, choice: ToolChoice | None) -> ToolChoice | None:
        """The choice in upstream names."""
        if choice is None or not choice.names:
            return choice
        return structs.replace(choice, names=tuple(self.naming.chosen(name) for name in choice.names))

    def turn(self, turn: Turn) -> Turn:
        """The turn with its calls and results in upstream names and ids."""
        if not any(isinstance(part, ToolCall | ToolResult) for part in turn.parts):
            return turn
        return structs.replace(turn, parts=tuple(self._parts(turn.parts)))

    def _declared(self, tool: Tool, index: int) -> Tool:
        name = self.naming.declare(tool.name, tool.namespace, custom=tool.kind == "custom")
        if tool.kind == "custom" and not self._custom:
            self._losses.emulate(f"tools[{index}]")
            tool = _as_function(tool)
        elif name == tool.name:
            return tool
        return structs.replace(tool, name=name, namespace="")

    def _parts(self, parts: Iterable[Part]) -> Iterable[Part]:
        for part in parts:
            if isinstance(part, ToolCall):
                yield self._call(part)
            elif isinstance(part, ToolResult):
                yield self._result(part)
            else:
                yield part

    def _call(self, call: ToolCall) -> ToolCall:
        name = self.naming.upstream(call.name, call.namespace)
        self._upstream_names[call.id] = name
        wrapped = call.kind == "custom" and not self._custom
        return structs.replace(
            call,
            id=clean_id(call.id, self._rules),
            name=name,
            namespace="",
            kind="function" if wrapped else call.kind,
            arguments=as_text({"input": call.arguments}) if wrapped else call.arguments,
        )

    def _result(self, result: ToolResult) -> ToolResult:
        name = self._upstream_names.get(result.id, result.name)
        return structs.replace(result, id=clean_id(result.id, self._rules), name=name)


def _without_choice(prompt: Prompt, losses: Losses) -> Prompt:
    """Without tools there is nothing to choose from (TCHO-1)."""
    for field in ("tool_choice", "parallel"):
        if getattr(prompt, field) is not None:
            losses.drop(field)
    return structs.replace(prompt, tool_choice=None, parallel=None)


def _as_function(tool: Tool) -> Tool:
    told = [tool.description] if tool.description else []
    told.append("The input is free text, not JSON.")
    if tool.grammar is not None:
        told.append(f"It must match this {tool.grammar.syntax} grammar:\n{tool.grammar.definition}")
    return structs.replace(
        tool, kind="function", description="\n".join(told), schema=input_schema(), strict=None, grammar=None
    )
