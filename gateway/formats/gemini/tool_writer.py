"""Tools for Google, and which of them the model may or must use.

Shapes: https://ai.google.dev/api/caching#Tool and #ToolConfig.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.formats.format import Fields
from gateway.formats.losses import Losses
from gateway.formats.neutral import Tool, ToolChoice
from gateway.formats.schemas import for_gemini, for_gemini_proto, with_root
from gateway.records import ModelFacts

_SERVER = {"web_search": "googleSearch", "code_execution": "codeExecution", "url_fetch": "urlContext"}
"""SRV-1."""

_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}


def write_tools(
    tools: tuple[Tool, ...], choice: ToolChoice | None, facts: ModelFacts, losses: Losses
) -> tuple[list[Fields], Fields]:
    """`tools` and `toolConfig`, either of them perhaps empty. Raises UnsupportedParameter for tools Google lacks."""
    functions = [tool for tool in tools if tool.kind != "server"]
    hosted = _hosted(tools, losses)
    config: Fields = {}
    if functions and hosted:
        if is_third(facts):
            config = {} if facts.provider == "vertex" else {"includeServerSideToolInvocations": True}
        else:
            # Models before 3 take one or the other (SRV-3).
            for at, tool in enumerate(tools):
                if tool.kind == "server":
                    losses.drop(tool.path or f"tools[{at}]")
            hosted = []
    proto = facts.gemini_schema == "proto"
    declared = [_declaration(tool, proto=proto) for tool in functions]
    written: list[Fields] = [{"functionDeclarations": declared}] if functions else []
    calling = _calling(functions, choice, losses)
    return [*written, *hosted], {**({"functionCallingConfig": calling} if calling else {}), **config}


def is_third(facts: ModelFacts) -> bool:
    """Whether a model is of the third generation, or later: such are told to think by level, or want signatures."""
    return facts.thinking == "level" or facts.signature_required is True


def _hosted(tools: Iterable[Tool], losses: Losses) -> list[Fields]:
    """Google's own tools, each once."""
    found: dict[str, Fields] = {}
    for at, tool in enumerate(tools):
        if tool.kind != "server":
            continue
        if tool.server not in _SERVER:
            losses.refuse(tool.path or f"tools[{at}]")
        if tool.allowed_domains:
            losses.drop(f"{tool.path or f'tools[{at}]'}.allowed_domains")
        if tool.location:
            losses.drop(f"{tool.path or f'tools[{at}]'}.user_location")
        found[_SERVER[tool.server]] = {_SERVER[tool.server]: {}}
    return list(found.values())


def _declaration(tool: Tool, *, proto: bool) -> Fields:
    declaration: Fields = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    schema = for_gemini(with_root(tool.schema))
    if not _is_empty(schema):
        name, adapted = ("parameters", for_gemini_proto(schema)) if proto else ("parametersJsonSchema", schema)
        declaration[name] = adapted
    return declaration


def _is_empty(schema: Fields) -> bool:
    """An object that says nothing of what is in it (TDEF-1)."""
    says = any(schema.get(word) for word in ("properties", "$ref", "anyOf", "oneOf", "enum"))
    return not says and schema.get("type") == "object" and not isinstance(schema.get("additionalProperties"), dict)


def _calling(functions: list[Tool], choice: ToolChoice | None, losses: Losses) -> Fields:
    """`functionCallingConfig`, which goes with functions only (TCHO-1, TCHO-2)."""
    if not functions:
        if choice is not None and choice.mode not in ("auto", "none"):
            losses.drop("tool_choice")
        return {}
    if choice is None or choice.mode == "auto":
        # Only so are arguments held to their schema (TDEF-4).
        strict = any(tool.strict is True for tool in functions)
        return {"mode": "VALIDATED"} if strict else {} if choice is None else {"mode": "AUTO"}
    if choice.mode in _MODES:
        return {"mode": _MODES[choice.mode]}
    known = {tool.name for tool in functions}
    names = [name for name in choice.names if name in known]
    if not names:
        losses.drop("tool_choice")
        return {}
    mode = "ANY" if choice.mode == "named" or choice.required else "VALIDATED"
    return {"mode": mode, "allowedFunctionNames": names}
