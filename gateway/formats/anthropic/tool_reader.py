"""A client's tools, and which of them the model may or must use.

Tools: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Tool, ToolChoice
from gateway.formats.values import a_flag, a_list, a_place, a_text, an_object, maybe, one_of

from .block_reader import read_mark
from .places import loss_of, required

_Server = Literal["", "web_search", "code_execution", "url_fetch"]

_SERVER: dict[str, _Server] = {
    "web_search_": "web_search",
    "code_execution_": "code_execution",
    "web_fetch_": "url_fetch",
}
"""Tools Anthropic runs itself that others have too, by how their types begin; what follows is a date."""

_FOREIGN = ("defer_loading", "allowed_callers", "input_examples", "eager_input_streaming")
"""Options of tools that only Anthropic knows (TDEF-6)."""


_MODES: dict[str, Literal["none", "auto", "required", "named"]] = {
    "none": "none",
    "auto": "auto",
    "any": "required",
    "tool": "named",
}


def read_tools(value: Any, losses: Losses) -> tuple[Tool, ...]:
    """The tools. Raises InvalidRequest with the field at fault, and UnsupportedParameter for tools nobody else has."""
    if value is None:
        return ()
    return tuple(_tool(entry, at, losses) for at, entry in enumerate(a_list(value, "tools")))


def _tool(value: Any, at: int, losses: Losses) -> Tool:
    tool = an_object(value, f"tools.{at}")
    kind = tool.get("type")
    if kind is None or kind == "custom":
        return _function(tool, at, losses)
    named = a_text(kind, f"tools.{at}.type")
    server = next((does for begin, does in _SERVER.items() if named.startswith(begin)), None)
    if server is None:
        losses.refuse(f"tools[{at}]", f"tools[{at}]: '{named[:80]}' is not supported by the selected upstream.")
    return _hosted(tool, server, at, losses)


def _function(tool: Fields, at: int, losses: Losses) -> Tool:
    path = f"tools.{at}"
    _drop(tool, _FOREIGN, at, losses)
    return Tool(
        a_text(required(tool, "name", path), f"{path}.name"),
        description=maybe(a_text, tool, "description", path) or "",
        schema=an_object(required(tool, "input_schema", path), f"{path}.input_schema"),
        strict=maybe(a_flag, tool, "strict", path),
        cache=read_mark(tool, path),
    )


def _hosted(tool: Fields, server: _Server, at: int, losses: Losses) -> Tool:
    """A tool that the provider runs. Where it may look, and where the user is, others can be told too (SRV-1)."""
    path = f"tools.{at}"
    name, domains, place = tool.get("name"), tool.get("allowed_domains"), tool.get("user_location")
    location = {} if place is None else an_object(place, f"{path}.user_location")
    known = {"type", "name", "cache_control"}
    if server == "web_search":
        known |= {"allowed_domains", "user_location"}
    _drop(tool, [field for field in tool if field not in known], at, losses)
    return Tool(
        server if name is None else a_text(name, f"{path}.name"),
        "server",
        server=server,
        allowed_domains=() if domains is None else _domains(domains, f"{path}.allowed_domains"),
        location=a_place(location),
        cache=read_mark(tool, path),
    )


def _domains(value: Any, path: str) -> tuple[str, ...]:
    return tuple(a_text(domain, f"{path}.{at}") for at, domain in enumerate(a_list(value, path)))


def _drop(tool: Fields, names: Iterable[str], at: int, losses: Losses) -> None:
    """What is set among these options is lost; false and null say what holds anyway."""
    for name in names:
        if tool.get(name) not in (None, False, []):
            losses.drop(loss_of(f"tools.{at}.{name}"))


def read_choice(value: Any) -> tuple[ToolChoice | None, bool | None]:
    """The choice of tools, and False where several calls in one answer are not wanted. Raises InvalidRequest."""
    if value is None:
        return None, None
    choice = an_object(value, "tool_choice")
    mode = _MODES[one_of(required(choice, "type", "tool_choice"), _MODES, "tool_choice.type")]
    single = choice.get("disable_parallel_tool_use")
    parallel = False if single is not None and a_flag(single, "tool_choice.disable_parallel_tool_use") else None
    if mode != "named":
        return ToolChoice(mode), parallel
    name = a_text(required(choice, "name", "tool_choice"), "tool_choice.name")
    if not name:
        raise InvalidRequest("tool_choice.name: String should have at least 1 character", param="tool_choice.name")
    return ToolChoice("named", (name,)), parallel
