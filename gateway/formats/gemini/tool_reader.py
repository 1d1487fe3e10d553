"""A client's tools, and which of them the model may or must use.

Shapes: https://ai.google.dev/api/caching#Tool and #ToolConfig.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Tool, ToolChoice
from gateway.formats.schemas import from_proto
from gateway.formats.values import a_list, a_text, an_object

from .spelling import a_word, drop_unknown, given, listed

_SERVER: dict[str, Literal["web_search", "code_execution", "url_fetch"]] = {
    "googleSearch": "web_search",
    "googleSearchRetrieval": "web_search",
    "codeExecution": "code_execution",
    "urlContext": "url_fetch",
}
"""Tools of Google's own that others have too (SRV-1)."""

_CHOICE_PATH = "toolConfig.functionCallingConfig"


def read_tools(value: Any, losses: Losses) -> tuple[Tool, ...]:
    """The tools. Raises InvalidRequest, and UnsupportedParameter for tools that only Google has."""
    return tuple(
        tool
        for at, entry in enumerate(listed(value, "tools"))
        for tool in _read_entry(given(entry, f"tools[{at}]"), f"tools[{at}]", losses)
    )


def _read_entry(entry: Fields, path: str, losses: Losses) -> Iterator[Tool]:
    for kind, value in entry.items():
        if kind == "functionDeclarations":
            for at, function in enumerate(listed(value, f"{path}.{kind}")):
                yield _function(function, f"{path}.{kind}[{at}]", losses)
        elif kind in _SERVER:
            drop_unknown(given(value, f"{path}.{kind}"), (), f"{path}.{kind}", losses)
            yield Tool(_SERVER[kind], "server", server=_SERVER[kind])
        else:
            losses.refuse(f"{path}.{kind}")


def _function(value: Any, path: str, losses: Losses) -> Tool:
    function = given(value, path)
    drop_unknown(function, ("name", "description", "parameters", "parametersJsonSchema"), path, losses)
    name = a_text(function.get("name"), f"{path}.name")
    if not name:
        raise InvalidRequest(f"{path}.name must not be empty.", param=f"{path}.name")
    schema = None
    if "parametersJsonSchema" in function:
        schema = an_object(function["parametersJsonSchema"], f"{path}.parametersJsonSchema")
    elif "parameters" in function:
        schema = from_proto(an_object(function["parameters"], f"{path}.parameters"))
    return Tool(name, description=a_text(function.get("description", ""), f"{path}.description"), schema=schema)


def read_choice(value: Any, losses: Losses) -> ToolChoice | None:
    """`toolConfig` as a choice; None where it says nothing of it. Raises InvalidRequest."""
    config = given(value, "toolConfig")
    drop_unknown(config, ("functionCallingConfig",), "toolConfig", losses)
    if "functionCallingConfig" not in config:
        return None
    calling = given(config["functionCallingConfig"], _CHOICE_PATH)
    drop_unknown(calling, ("mode", "allowedFunctionNames"), _CHOICE_PATH, losses)
    mode = a_word(calling.get("mode", "MODE_UNSPECIFIED"), f"{_CHOICE_PATH}.mode")
    allowed_path = f"{_CHOICE_PATH}.allowedFunctionNames"
    names = tuple(
        a_text(name, f"{allowed_path}[{at}]")
        for at, name in enumerate(a_list(calling.get("allowedFunctionNames", []), allowed_path))
    )
    return _choice(mode, names)


def _choice(mode: str, names: tuple[str, ...]) -> ToolChoice | None:
    """TCHO-2."""
    if mode == "MODE_UNSPECIFIED":
        return None
    if mode == "NONE":
        return ToolChoice("none")
    if mode == "ANY" and len(names) == 1:
        return ToolChoice("named", names)
    if mode == "ANY":
        return ToolChoice("allowed", names, required=True) if names else ToolChoice("required")
    if mode == "VALIDATED" and names:
        return ToolChoice("allowed", names)
    if mode in ("AUTO", "VALIDATED"):
        return ToolChoice("auto")
    path = f"{_CHOICE_PATH}.mode"
    raise InvalidRequest(f"{path} must be one of 'AUTO', 'ANY', 'NONE', 'VALIDATED'.", param=path)
