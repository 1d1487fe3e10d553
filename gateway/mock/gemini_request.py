"""What Gemini asks of a request: its fields, and which of them go together with which model. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from gateway.mock.answers import Call
from gateway.mock.gemini import refuse, refuse_fields
from gateway.mock.gemini_contents import check_contents
from gateway.mock.gemini_messages import GENERATE, SERVER_TOOLS
from gateway.mock.gemini_models import Abilities, find_abilities
from gateway.mock.gemini_proto import Message, Problems
from gateway.mock.gemini_schemas import check_json_schema, check_schema

STOPS = 5
DECLARATIONS = 512
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_NAME_RULE = (
    "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), "
    "underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128."
)
_MIME_TYPES = ("text/plain", "application/json", "application/xml", "application/yaml", "text/x.enum")
_RANGES = (("temperature", 0, 2), ("topP", 0, 1), ("candidateCount", 1, 8), ("logprobs", 0, 20),
           ("presencePenalty", -2, 2), ("frequencyPenalty", -2, 2))  # fmt: skip


class Asked(NamedTuple):
    """A request that has been checked; all names in camel case."""

    contents: list[dict[str, Any]]
    system: dict[str, Any]
    functions: list[dict[str, Any]]
    calling: dict[str, Any]
    """functionCallingConfig."""
    generation: dict[str, Any]
    thinking: dict[str, Any]
    """thinkingConfig."""
    abilities: Abilities


def read_message(message: Message, document: Any) -> dict[str, Any]:
    """A body as this message. Raises `Refused` with all that does not fit."""
    problems: Problems = []
    read = message(dict(document), "", problems)
    if problems:
        raise refuse_fields(problems)
    return read


def read_request(call: Call) -> Asked:
    """The request, with all that Google checks checked. Raises `Refused`."""
    return check_request(read_message(GENERATE, call.document), call.model)


def check_request(document: dict[str, Any], model: str) -> Asked:
    """What has the right fields, checked for whether they go together. Raises `Refused`."""
    abilities, generation = find_abilities(model), document.get("generationConfig", {})
    tools = document.get("tools", [])
    asked = Asked(
        document.get("contents", []),
        document.get("systemInstruction", {}),
        [function for tool in tools for function in tool.get("functionDeclarations", ())],
        document.get("toolConfig", {}).get("functionCallingConfig", {}),
        generation,
        generation.get("thinkingConfig", {}),
        abilities,
    )
    check_contents(asked.contents, model=model, abilities=abilities)
    _check_functions(tools)
    _check_calling(asked)
    _check_mixture(document, asked)
    _check_thinking(asked)
    _check_generation(generation)
    return asked


def _check_functions(tools: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        for place, function in enumerate(tool.get("functionDeclarations", ())):
            name = function.get("name", "")
            where = f"tools[{index}].function_declarations[{place}]"
            if _NAME.fullmatch(name) is None:
                raise refuse(f"* GenerateContentRequest.{where}.name: {_NAME_RULE}")
            if name in seen:
                raise refuse(f"Duplicate function declaration found: {name}")
            seen.add(name)
            _check_parameters(function, where)
    if len(seen) > DECLARATIONS:
        raise refuse(f"At most {DECLARATIONS} function declarations can be specified.")


def _check_parameters(function: dict[str, Any], where: str) -> None:
    if {"parameters", "parametersJsonSchema"} <= function.keys():
        raise refuse(f"* GenerateContentRequest.{where}: parameters and parameters_json_schema are mutually exclusive")
    if "parameters" in function:
        check_schema(function["parameters"], f"{where}.parameters")
    if "parametersJsonSchema" in function:
        check_json_schema(function["parametersJsonSchema"], f"{where}.parameters_json_schema")


def _check_calling(asked: Asked) -> None:
    names = {function["name"] for function in asked.functions}
    allowed = asked.calling.get("allowedFunctionNames", [])
    if asked.calling and not names:
        raise refuse("Function calling config is set without function_declarations.")
    if allowed and asked.calling.get("mode") not in ("ANY", "VALIDATED"):
        raise refuse("allowed_function_names should only be set when the mode is ANY or VALIDATED.")
    for name in allowed:
        if name not in names:
            raise refuse(f"allowed_function_names: `{name}` is not among the function declarations.")


def _check_mixture(document: dict[str, Any], asked: Asked) -> None:
    own = any(name in tool for tool in document.get("tools", ()) for name in SERVER_TOOLS)
    if own and asked.functions:
        if not asked.abilities.mixes_tools:
            raise refuse("Tool use with function calling is unsupported by the model.")
        if not document.get("toolConfig", {}).get("includeServerSideToolInvocations"):
            said = "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function"
            raise refuse(f"{said} calling.")
    if document.get("cachedContent") and document.keys() & {"systemInstruction", "tools", "toolConfig"}:
        said = "CachedContent can not be used with GenerateContent request setting system_instruction, tools or"
        raise refuse(f"{said} tool_config.")


def _check_thinking(asked: Asked) -> None:
    wanted, abilities = asked.thinking, asked.abilities
    level, budget = wanted.get("thinkingLevel"), wanted.get("thinkingBudget")
    if level is not None and budget is not None:
        raise refuse("You can only set only one of thinking budget and thinking level.")
    if not abilities.thinking and (level is not None or budget or wanted.get("includeThoughts")):
        raise refuse("Thinking is not supported for this model.")
    if level is not None and level not in abilities.levels:
        said = f"Thinking level {level} is not supported" if abilities.levels else "Thinking level is not supported"
        raise refuse(f"{said} for this model. Please retry with other thinking level.")
    if budget is not None:
        _check_budget(budget, asked)


def _check_budget(budget: int, asked: Asked) -> None:
    least, most = asked.abilities.budget
    if budget == 0 and not asked.abilities.can_stop_thinking:
        raise refuse("Budget 0 is invalid. This model only works in thinking mode.")
    if budget == 0 and asked.thinking.get("includeThoughts"):
        raise refuse("Thinking_config.include_thoughts is only enabled when thinking is enabled.")
    if budget not in (0, -1) and not least <= budget <= most:
        raise refuse(f"The thinking budget {budget} is invalid. Please choose a value between {least} and {most}.")


def _check_generation(generation: dict[str, Any]) -> None:
    where = "* GenerateContentRequest.generation_config"
    for name, least, most in _RANGES:
        if name in generation and not least <= generation[name] <= most:
            raise refuse(f"{where}.{name}: must be in the range [{least}, {most}]")
    if generation.get("maxOutputTokens", 1) < 1:
        raise refuse(f"{where}.max_output_tokens: max_output_tokens must be positive.")
    if len(generation.get("stopSequences", ())) > STOPS:
        raise refuse(f"{where}.stop_sequences: at most {STOPS} stop sequences are allowed.")
    if "logprobs" in generation and not generation.get("responseLogprobs"):
        raise refuse(f"{where}.logprobs: only allowed when response_logprobs is true.")
    mime = generation.get("responseMimeType") or "text/plain"
    if mime not in _MIME_TYPES:
        raise refuse(f"{where}.response_mime_type: allowed mimetypes are {', '.join(_MIME_TYPES)}.")
    _check_response_schemas(generation, mime)


def _check_response_schemas(generation: dict[str, Any], mime: str) -> None:
    where = "generation_config"
    given = generation.keys() & {"responseSchema", "responseJsonSchema"}
    if len(given) > 1:
        said = "response_schema and response_json_schema are mutually exclusive"
        raise refuse(f"* GenerateContentRequest.{where}: {said}")
    if given and mime == "text/plain":
        said = "response schema is only allowed with response_mime_type application/json or text/x.enum"
        raise refuse(f"* GenerateContentRequest.{where}.response_mime_type: {said}")
    if "responseSchema" in given:
        check_schema(generation["responseSchema"], f"{where}.response_schema")
    if "responseJsonSchema" in given:
        check_json_schema(generation["responseJsonSchema"], f"{where}.response_json_schema")
