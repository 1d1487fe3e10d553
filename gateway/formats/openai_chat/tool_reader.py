"""A client's tools, and which of them the model may or must use."""

from __future__ import annotations

from typing import Any

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Tool, ToolChoice
from gateway.formats.openai_fields import read_grammar
from gateway.formats.values import a_flag, a_list, a_place, a_text, an_object, maybe, one_of


def read_tools(fields: Fields, losses: Losses) -> tuple[Tool, ...]:
    """The tools, those of the older `functions` too, and web search where it is asked for."""
    tools: list[Tool] = []
    said = fields.get("tools")
    for at, tool in enumerate(a_list(said, "tools") if said is not None else ()):
        tools.append(_tool(an_object(tool, f"tools[{at}]"), f"tools[{at}]", losses))
    older = fields.get("functions")
    for at, function in enumerate(a_list(older, "functions") if older is not None else ()):
        tools.append(_function(an_object(function, f"functions[{at}]"), f"functions[{at}]"))
    if fields.get("web_search_options") is not None:
        tools.append(_web_search(an_object(fields["web_search_options"], "web_search_options"), losses))
    return tuple(tools)


def read_choice(fields: Fields) -> ToolChoice | None:
    """The choice, in its present or its older form. Raises InvalidRequest."""
    choice = fields.get("tool_choice")
    if choice is None and fields.get("function_call") is not None:
        older = fields["function_call"]
        if isinstance(older, dict):
            return ToolChoice("named", (a_text(older.get("name"), "function_call.name"),))
        return ToolChoice(_MODES[one_of(older, ("none", "auto"), "function_call")])
    if choice is None:
        return None
    if isinstance(choice, str):
        return ToolChoice(_MODES[one_of(choice, _MODES, "tool_choice")])
    wanted = an_object(choice, "tool_choice")
    kind = one_of(wanted.get("type"), ("function", "custom", "allowed_tools"), "tool_choice.type")
    if kind == "allowed_tools":
        return _allowed(an_object(wanted.get("allowed_tools"), "tool_choice.allowed_tools"))
    inner = an_object(wanted.get(kind), f"tool_choice.{kind}")
    return ToolChoice("named", (a_text(inner.get("name"), f"tool_choice.{kind}.name"),))


_MODES: dict[str, Any] = {"none": "none", "auto": "auto", "required": "required", "any": "required"}


def _allowed(allowed: Fields) -> ToolChoice:
    path = "tool_choice.allowed_tools"
    mode = one_of(allowed.get("mode"), ("auto", "required"), f"{path}.mode")
    names = []
    for at, tool in enumerate(a_list(allowed.get("tools"), f"{path}.tools")):
        fields = an_object(tool, f"{path}.tools[{at}]")
        inner = fields.get(str(fields.get("type"))) or fields
        names.append(a_text(inner.get("name") if isinstance(inner, dict) else None, f"{path}.tools[{at}].name"))
    return ToolChoice("allowed", tuple(names), required=mode == "required")


def _tool(tool: Fields, path: str, losses: Losses) -> Tool:
    kind = a_text(tool.get("type") or "function", f"{path}.type")
    if kind == "function":
        return _function(an_object(tool.get("function"), f"{path}.function"), f"{path}.function")
    if kind == "custom":
        return _custom(an_object(tool.get("custom"), f"{path}.custom"), f"{path}.custom")
    return losses.refuse(path, f"{path} is a tool that the selected upstream does not have.")


def _function(function: Fields, path: str) -> Tool:
    return Tool(
        a_text(function.get("name"), f"{path}.name"),
        description=maybe(a_text, function, "description", path) or "",
        schema=maybe(an_object, function, "parameters", path),
        strict=maybe(a_flag, function, "strict", path),
    )


def _custom(tool: Fields, path: str) -> Tool:
    return Tool(
        a_text(tool.get("name"), f"{path}.name"),
        "custom",
        maybe(a_text, tool, "description", path) or "",
        grammar=read_grammar(tool.get("format"), f"{path}.format", "grammar"),
    )


def _web_search(options: Fields, losses: Losses) -> Tool:
    for name, value in options.items():
        if name != "user_location" and value is not None:
            losses.drop(f"web_search_options.{name}")
    place = options.get("user_location")
    inner = place.get("approximate") if isinstance(place, dict) else None
    known = inner if isinstance(inner, dict) else {}
    return Tool("web_search", "server", server="web_search", location=a_place(known), path="web_search_options")
