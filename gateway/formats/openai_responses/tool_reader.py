"""A client's tools, and which of them the model may or must use.

Tools: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Tool, ToolChoice
from gateway.formats.openai_fields import read_grammar
from gateway.formats.values import a_flag, a_list, a_place, a_text, an_object, maybe, one_of

from .part_reader import refuse_kind

_FOREIGN = ("defer_loading", "output_schema", "allowed_callers", "async")
"""Options of tools that only OpenAI knows (TDEF-6)."""

_SIZES = ("low", "medium", "high")

SERVER_TOOLS = {"web_search": "web_search", "code_interpreter": "code_execution"}
"""Tools OpenAI runs itself that others have too, and what they do. Dated names mean the same."""


def read_tools(lists: list[tuple[str, list[Any]]], losses: Losses) -> tuple[Tool, ...]:
    """The tools in these lists, given with their paths; of the same name the first one counts (TDEF-2).

    Raises InvalidRequest with the field at fault, and UnsupportedParameter for tools that nobody else has.
    """
    found: dict[tuple[str, str], Tool] = {}
    for path, entries in lists:
        for at, entry in enumerate(entries):
            for tool in _read_tool(an_object(entry, f"{path}[{at}]"), f"{path}[{at}]", losses):
                found.setdefault((tool.namespace, tool.name), tool)
    return tuple(found.values())


def _read_tool(tool: Fields, path: str, losses: Losses) -> Iterator[Tool]:
    kind = a_text(tool.get("type"), f"{path}.type")
    reader = _TOOLS.get(server_kind(kind) or kind)
    if reader is not None:
        yield reader(tool, path, losses)
    elif kind == "namespace":
        yield from _namespace(tool, path, losses)
    else:
        losses.refuse(path)


def server_kind(kind: str) -> str:
    """`web_search` for each of its dated names; empty for what OpenAI does not run, or nobody else has."""
    return next((known for known in SERVER_TOOLS if kind.startswith(known)), "")


def _namespace(tool: Fields, path: str, losses: Losses) -> Iterator[Tool]:
    name = a_text(tool.get("name"), f"{path}.name")
    for at, entry in enumerate(a_list(tool.get("tools"), f"{path}.tools")):
        field = f"{path}.tools[{at}]"
        inner = an_object(entry, field)
        kind = one_of(inner.get("type"), ("function", "custom"), f"{field}.type")
        yield _TOOLS[kind]({**inner, "namespace": name}, field, losses)


def _function(tool: Fields, path: str, losses: Losses) -> Tool:
    _drop(tool, _FOREIGN, path, losses)
    return Tool(
        a_text(tool.get("name"), f"{path}.name"),
        description=maybe(a_text, tool, "description", path) or "",
        schema=maybe(an_object, tool, "parameters", path),
        strict=maybe(a_flag, tool, "strict", path),
        namespace=maybe(a_text, tool, "namespace", path) or "",
    )


def _custom(tool: Fields, path: str, losses: Losses) -> Tool:
    _drop(tool, _FOREIGN, path, losses)
    return Tool(
        a_text(tool.get("name"), f"{path}.name"),
        "custom",
        maybe(a_text, tool, "description", path) or "",
        namespace=maybe(a_text, tool, "namespace", path) or "",
        grammar=read_grammar(tool.get("format"), f"{path}.format"),
    )


def _web_search(tool: Fields, path: str, losses: Losses) -> Tool:
    if tool.get("search_context_size") is not None:
        one_of(tool["search_context_size"], _SIZES, f"{path}.search_context_size")
    filters = _object(tool, "filters", path)
    domains = filters.pop("allowed_domains", None)
    place = _object(tool, "user_location", path)
    known = {"type", "filters", "user_location"}
    _drop(tool, [name for name in tool if name not in known], path, losses)
    _drop(filters, list(filters), f"{path}.filters", losses)
    return Tool(
        "web_search",
        "server",
        server="web_search",
        allowed_domains=() if domains is None else _domains(domains, f"{path}.filters.allowed_domains"),
        location=a_place(place),
    )


def _domains(value: Any, path: str) -> tuple[str, ...]:
    return tuple(a_text(domain, f"{path}[{at}]") for at, domain in enumerate(a_list(value, path)))


def _code(tool: Fields, path: str, losses: Losses) -> Tool:
    """A container of its own is what everybody gives; one that exists already, or files in it, is not."""
    container = tool.get("container")
    if isinstance(container, dict) and container.get("type") == "auto":
        _drop(container, [name for name in container if name != "type"], f"{path}.container", losses)
    elif container is not None:
        losses.drop(f"{path}.container")
    _drop(tool, [name for name in tool if name not in ("type", "container")], path, losses)
    return Tool("code_interpreter", "server", server="code_execution")


def _object(tool: Fields, name: str, path: str) -> Fields:
    value = tool.get(name)
    return {} if value is None else dict(an_object(value, f"{path}.{name}"))


def _drop(options: Fields, names: tuple[str, ...] | list[str], path: str, losses: Losses) -> None:
    """What is set among these options is lost; false and null say what holds anyway."""
    for name in names:
        if options.get(name) not in (None, False):
            losses.drop(f"{path}.{name}")


_TOOLS: dict[str, Callable[[Fields, str, Losses], Tool]] = {
    "function": _function,
    "custom": _custom,
    "web_search": _web_search,
    "code_interpreter": _code,
}


def read_choice(value: Any, losses: Losses) -> ToolChoice | None:
    """`tool_choice`. Raises InvalidRequest, and UnsupportedParameter for tools that nobody else has."""
    if value is None:
        return None
    if isinstance(value, str):
        return ToolChoice(_MODES[one_of(value, _MODES, "tool_choice")])
    choice = an_object(value, "tool_choice")
    kind = a_text(choice.get("type"), "tool_choice.type")
    if kind == "allowed_tools":
        return _allowed(choice, losses)
    return ToolChoice("named", (_chosen(choice, "tool_choice", losses),))


def _allowed(choice: Fields, losses: Losses) -> ToolChoice:
    mode = one_of(choice.get("mode"), ("auto", "required"), "tool_choice.mode")
    path = "tool_choice.tools"
    tools = [(f"{path}[{at}]", tool) for at, tool in enumerate(a_list(choice.get("tools"), path))]
    names = tuple(_chosen(an_object(tool, field), field, losses) for field, tool in tools)
    return ToolChoice("allowed", names, required=mode == "required")


def _chosen(choice: Fields, path: str, losses: Losses) -> str:
    """The name of one tool that is meant."""
    kind = a_text(choice.get("type"), f"{path}.type")
    if kind in ("function", "custom"):
        return a_text(choice.get("name"), f"{path}.name")
    if not server_kind(kind):
        known = ("mcp", "shell", "apply_patch", "programmatic_tool_calling", "file_search", "image_generation")
        if kind in known or kind.startswith("computer"):
            losses.refuse(path)
        refuse_kind(f"{path}.type", "tool")
    return server_kind(kind)


_MODES: dict[str, Literal["none", "auto", "required"]] = {"none": "none", "auto": "auto", "required": "required"}
