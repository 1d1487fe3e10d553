"""Tools, and the choice among them, for an Anthropic provider. Names fit it already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Prompt, Tool, ToolChoice
from gateway.formats.schemas import for_anthropic_tool

from .block_writer import write_mark

_SERVERS: Mapping[str, tuple[str, str]] = {
    "web_search": ("web_search_20250305", "web_search"),
    "code_execution": ("code_execution_20250825", "code_execution"),
    "url_fetch": ("web_fetch_20250910", "web_fetch"),
}
"""Type and name of what Anthropic runs itself (SRV-1)."""

_MODES: Mapping[str, str] = {"auto": "auto", "required": "any", "none": "none"}


def write_tooling(prompt: Prompt, losses: Losses) -> Fields:
    """`tools` and `tool_choice`. Raises UnsupportedParameter for what Anthropic does not run."""
    tools, choice = _offered(prompt.tools, prompt.tool_choice)
    if not tools:
        return {}
    fields: Fields = {"tools": [_write_tool(tool, losses) for tool in tools]}
    written = _write_choice(choice, tools, alone=prompt.parallel is False)
    return {**fields, "tool_choice": written} if written else fields


def _offered(tools: tuple[Tool, ...], choice: ToolChoice | None) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """The tools that may be called: there is no choice among some of them, so that the others are not declared
    (TCHO-2)."""
    if choice is None or choice.mode != "allowed":
        return tools, choice
    allowed = tuple(tool for tool in tools if tool.name in choice.names)
    return allowed, ToolChoice("required" if choice.required else "auto")


def _write_tool(tool: Tool, losses: Losses) -> Fields:
    if tool.kind == "server":
        return _server(tool, losses)
    fields: Fields = {"name": tool.name}
    if tool.description:
        fields["description"] = tool.description
    fields["input_schema"] = for_anthropic_tool(tool.schema)
    if tool.strict:
        fields["strict"] = True
    return fields | write_mark(tool.cache)


def _server(tool: Tool, losses: Losses) -> Fields:
    if tool.server not in _SERVERS:
        losses.refuse("tools", f"{tool.name} is not supported by the selected upstream.")
    kind, name = _SERVERS[tool.server]
    fields: Fields = {"type": kind, "name": name}
    if tool.allowed_domains and tool.server != "code_execution":
        fields["allowed_domains"] = list(tool.allowed_domains)
    if tool.location and tool.server == "web_search":
        fields["user_location"] = {"type": "approximate", **tool.location}
    return fields


def _write_choice(choice: ToolChoice | None, tools: Iterable[Tool], *, alone: bool) -> Fields | None:
    """`tool_choice`, which also says whether there may be but one call (TCHO-3)."""
    if choice is None and not alone:
        return None
    kind = "auto" if choice is None else _MODES.get(choice.mode, "tool")
    fields: Fields = {"type": kind}
    if choice is not None and kind == "tool":
        fields["name"] = _name_of(choice.names[0], tools)
    if alone and kind != "none":
        fields["disable_parallel_tool_use"] = True
    return fields


def _name_of(name: str, tools: Iterable[Tool]) -> str:
    """Anthropic's own name for what it runs itself; other tools have theirs."""
    found = next((tool for tool in tools if tool.name == name), None)
    return _SERVERS[found.server][1] if found is not None and found.server else name
