"""Tools, and the choice among them, for a Responses provider. Names fit it already."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Tool, ToolChoice
from gateway.formats.schemas import with_root

_SERVER = {"web_search": "web_search", "code_execution": "code_interpreter"}


def write_tools(tools: Iterable[Tool], losses: Losses) -> list[Fields]:
    """`tools`. Raises UnsupportedParameter for what OpenAI does not run."""
    return [_write_tool(tool, losses) for tool in tools]


def _write_tool(tool: Tool, losses: Losses) -> Fields:
    if tool.kind == "server":
        return _server(tool, losses)
    described = {"description": tool.description} if tool.description else {}
    if tool.kind == "custom":
        return {"type": "custom", "name": tool.name, **described, **_format(tool)}
    # Left out, `strict` would mean that the API tries it: other dialects mean no.
    schema = with_root(tool.schema)
    return {"type": "function", "name": tool.name, **described, "parameters": schema, "strict": tool.strict is True}


def _format(tool: Tool) -> Fields:
    grammar = tool.grammar
    if grammar is None:
        return {}
    return {"format": {"type": "grammar", "syntax": grammar.syntax, "definition": grammar.definition}}


def _server(tool: Tool, losses: Losses) -> Fields:
    kind = _SERVER.get(tool.server)
    if kind is None:
        losses.refuse("tools", f"{tool.name} is not supported by the selected upstream.")
    if kind == "code_interpreter":
        return {"type": kind, "container": {"type": "auto"}}
    filters = {"filters": {"allowed_domains": list(tool.allowed_domains)}} if tool.allowed_domains else {}
    place = {"user_location": {"type": "approximate", **tool.location}} if tool.location else {}
    return {"type": kind, **filters, **place}


def write_choice(choice: ToolChoice, tools: Iterable[Tool]) -> str | Fields:
    """`tool_choice`; the kind of a tool is the one it was declared with."""
    declared = {tool.name: tool for tool in tools}
    if choice.mode == "named":
        return _chosen(choice.names[0], declared)
    if choice.mode == "allowed":
        mode = "required" if choice.required else "auto"
        return {"type": "allowed_tools", "mode": mode, "tools": [_chosen(name, declared) for name in choice.names]}
    return choice.mode


def _chosen(name: str, declared: dict[str, Tool]) -> Fields:
    tool = declared.get(name)
    if tool is not None and tool.kind == "server":
        return {"type": _SERVER.get(tool.server, tool.name)}
    return {"type": "custom" if tool is not None and tool.kind == "custom" else "function", "name": name}
