"""Anthropic's messages: a request into a reply or a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson

from gateway.mock import anthropic, echo, examples, signatures, texts, tokens
from gateway.mock.answers import Answer, Call, Reply, Stream
from gateway.mock.anthropic import event
from gateway.mock.anthropic_request import OF_VENDORS, Asked, read_request
from gateway.mock.anthropic_turns import Turn, walk
from gateway.mock.script import THOUGHTS, Script

FRAGMENT = 8
"""Characters of tool input in one piece."""
PING = event("ping", {})
REFUSED = "This request was declined by the safety system of the mock."


def answer(call: Call) -> Answer:
    """`POST /v1/messages`. Raises `Refused`."""
    asked = read_request(call)
    plan = _plan(call, asked)
    return _stream(call, plan) if asked.document.get("stream") else _reply(call, plan)


class _Block(NamedTuple):
    """One block of the answer, whole and in pieces."""

    whole: dict[str, Any]
    begin: dict[str, Any]
    """How it begins in a stream."""
    deltas: Iterator[bytes]
    """The JSON of each piece."""
    number: int
    """How many pieces there will be."""
    first: tuple[dict[str, Any], ...] = ()
    """Deltas before the pieces, which do not count."""
    last: tuple[dict[str, Any], ...] = ()
    """Deltas after them."""


class _Plan(NamedTuple):
    """What the answer will be, before a byte of it is written."""

    blocks: list[_Block]
    stop: dict[str, Any]
    """The fields that say why it ends."""
    usage: dict[str, Any]


class _Speech(NamedTuple):
    """What will be said, and why it ends."""

    script: Script
    chunks: int
    stop: str
    sequence: str | None = None


def _plan(call: Call, asked: Asked) -> _Plan:
    tools = _called_tools(call, asked)
    speech = _speech(call, asked)
    thoughts = [] if call.script.blocked else texts.thoughts(_thoughts(call.script, asked))
    blocks: list[_Block] = []
    if thoughts:
        blocks.append(_thinking(call.model, thoughts, hidden=asked.thinking.get("display") == "omitted"))
    if call.script.redacted:
        blocks.append(_redacted(call.model))
    if speech.chunks and (not tools or call.script.chunks is not None or call.script.text is not None):
        blocks.append(_text(call, speech, asked))
    blocks.extend(tools)
    spoken = sum(block.number for block in blocks if block.whole["type"] != "thinking")
    usage = anthropic.usage(
        call.script,
        prompt=count_prompt(asked),
        completion=spoken + len(thoughts),
        thinking=len(thoughts),
    )
    return _Plan(blocks, _stop(call.script, "tool_use" if tools else speech.stop, speech.sequence), usage)


def count_prompt(asked: Asked) -> int:
    """Tokens of a request."""
    document = asked.document
    return tokens.count([document["messages"], document.get("system"), document.get("tools")])


def _stop(script: Script, reason: str, sequence: str | None) -> dict[str, Any]:
    refused = script.refusal or script.blocked
    reason = script.finish or ("refusal" if refused else reason)
    sequence = sequence if reason == "stop_sequence" else None
    details = {"type": "refusal", "category": None, "explanation": REFUSED} if reason == "refusal" else None
    return {"stop_reason": reason, "stop_sequence": sequence, "stop_details": details}


def _thoughts(script: Script, asked: Asked) -> int:
    """Pieces of thought: as many as scripted, or some when the request wants thinking."""
    kind = asked.thinking["type"]
    results = any(placed.block["type"] == "tool_result" for placed in asked.turns[-1].blocks)
    wanted = kind in ("enabled", "adaptive") or (kind == "between_tools" and results)
    return script.thinking or (THOUGHTS if wanted else 0)


def _speech(call: Call, asked: Asked) -> _Speech:
    """The text of the answer: scripted, or the echo of the request, or JSON as asked for."""
    script = call.script
    schema = ((asked.document.get("output_config") or {}).get("format") or {}).get("schema")
    if script.blocked:
        return _Speech(script, 0, "refusal")
    if script.echo:
        script = echo.speak(script, _see(asked))
        return _Speech(script, texts.count(script), "end_turn")
    if schema is not None and script.text is None:
        script = echo.say(script, orjson.dumps(examples.example(schema)).decode())
    wanted, most = texts.count(script), asked.document["max_tokens"]
    chunks = min(wanted, most)
    found = texts.until(script, call.clock, most=chunks, stops=asked.document.get("stop_sequences") or [])
    if found is not None:
        script = echo.say(script, found[0])
        return _Speech(script, texts.count(script) if found[0] else 0, "stop_sequence", found[1])
    return _Speech(script, chunks, "max_tokens" if most < wanted else "end_turn")


def _see(asked: Asked) -> echo.Seen:
    """What the echo tells."""
    kinds: list[str] = []
    walk(asked.turns, lambda turn, block: kinds.append(block["type"]))
    system = [_said(asked.document.get("system") or "")]
    system += [_texts(turn) for turn in asked.turns if turn.role == "system"]
    said = [_texts(turn) for turn in asked.turns if turn.role == "user"]
    blocks = [placed.block for turn in asked.turns for placed in turn.blocks]
    return echo.Seen(
        "\n".join(filter(None, system)),
        next(filter(None, reversed(said)), ""),
        kinds.count("image"),
        kinds.count("document"),
        [_said(block.get("content") or "") for block in blocks if block["type"] == "tool_result"],
        len(asked.document["messages"]),
    )


def _texts(turn: Turn) -> str:
    return _said([placed.block for placed in turn.blocks])


def _said(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block["type"] == "text")


def _thinking(model: str, thoughts: list[str], *, hidden: bool) -> _Block:
    """A block of thoughts; hidden ones are a signature alone."""
    pieces = [] if hidden else thoughts
    text = "".join(pieces)
    signature = signatures.sign(model, text)
    deltas = (orjson.dumps({"type": "thinking_delta", "thinking": piece}) for piece in pieces)
    return _Block(
        {"type": "thinking", "thinking": text, "signature": signature},
        {"type": "thinking", "thinking": "", "signature": ""},
        deltas,
        len(pieces),
        last=({"type": "signature_delta", "signature": signature},),
    )


def _redacted(model: str) -> _Block:
    block = {"type": "redacted_thinking", "data": signatures.seal(model, "what nobody may read")}
    return _Block(block, block, iter(()), 0)


def _text(call: Call, speech: _Speech, asked: Asked) -> _Block:
    call = call._replace(script=speech.script)
    deltas = (
        b'{"type":"text_delta","text":%b}' % piece
        for piece in islice(texts.pieces(call.script, call.clock), speech.chunks)
    )
    begin: dict[str, Any] = {"type": "text", "text": ""}
    citation = _citation(asked) if call.script.citations else None
    cited = {"citations": [citation]} if citation else {}
    first = ({"type": "citations_delta", "citation": citation},) if citation else ()
    # A stream must not read the clock before its time: only a plain answer asks for the whole text.
    whole = "" if asked.document.get("stream") else texts.content(call.script, call.clock, most=speech.chunks)
    return _Block({"type": "text", "text": whole, **cited}, begin, deltas, speech.chunks, first)


def _citation(asked: Asked) -> dict[str, Any]:
    """A place in the first document of the request, or else on the web."""
    found: list[dict[str, Any]] = []
    walk(asked.turns, lambda turn, block: found.append(block) if block["type"] == "document" else None)
    if not found:
        return {
            "type": "web_search_result_location",
            "cited_text": "A weir holds back the water.",
            "url": "https://example.com/weir",
            "title": "Weirs",
            "encrypted_index": "bW9jaw==",
        }
    cited = str(found[0]["source"].get("data", ""))[:20]
    return {
        "type": "char_location",
        "cited_text": cited,
        "document_index": 0,
        "document_title": found[0].get("title"),
        "start_char_index": 0,
        "end_char_index": len(cited),
    }


def _called_tools(call: Call, asked: Asked) -> list[_Block]:
    """The calls this answer makes: when the script says so, or the request leaves no choice."""
    choice = asked.choice
    offered = [tool for tool in asked.tools if "input_schema" in tool or OF_VENDORS.fullmatch(tool.get("type") or "")]
    if choice["type"] == "tool":
        offered = [tool for tool in offered if tool["name"] == choice["name"]]
    wanted = call.script.toolcall or int(choice["type"] in ("any", "tool"))
    if not offered or choice["type"] == "none" or call.script.blocked:
        return []
    wanted = min(wanted, 1) if choice.get("disable_parallel_tool_use") else wanted
    return [_tool_use(call, position, offered[position % len(offered)]) for position in range(wanted)]


def _tool_use(call: Call, position: int, tool: dict[str, Any]) -> _Block:
    """A call; its first piece of input is empty, and of a call without arguments the only one."""
    given = examples.example(tool.get("input_schema"))
    written = orjson.dumps(given).decode() if given else ""
    fragments = ["", *(written[start : start + FRAGMENT] for start in range(0, len(written), FRAGMENT))]
    block = {"type": "tool_use", "id": f"toolu_{call.number:016x}{position:08x}", "name": tool.get("name", "unnamed")}
    deltas = (orjson.dumps({"type": "input_json_delta", "partial_json": fragment}) for fragment in fragments)
    return _Block(block | {"input": given}, block | {"input": {}}, deltas, len(fragments))


def _frame(call: Call) -> dict[str, Any]:
    return {"id": f"msg_{call.number:024x}", "type": "message", "role": "assistant", "model": call.model}


def _reply(call: Call, plan: _Plan) -> Reply:
    document = _frame(call) | {"content": [block.whole for block in plan.blocks]} | plan.stop
    if call.script.usage != "off":
        document["usage"] = plan.usage
    return Reply(orjson.dumps(document))


def _stream(call: Call, plan: _Plan) -> Stream:
    wish = call.script.usage
    finish = b"" if call.script.nodone else _finish(call, plan)
    return Stream(
        opening=_opening(call, plan),
        contents=_contents(plan.blocks, PING if call.script.pings else b""),
        closing=_rest(plan.blocks) + (b"" if wish == "late" else finish),
        late=finish if wish == "late" else b"",
        end=event("message_stop", {}),
        error=anthropic.error_event(call),
    )


def _opening(call: Call, plan: _Plan) -> bytes:
    """The message without its content, and the first block's begin."""
    message = _frame(call) | {"content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    if call.script.usage != "off":
        nothing = {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        unknown = nothing if call.script.usage == "last" else {}
        message["usage"] = plan.usage | {"output_tokens": 1} | unknown
        del message["usage"]["output_tokens_details"]
    return event("message_start", {"message": message}) + _begin(plan.blocks, 0) + PING


def _finish(call: Call, plan: _Plan) -> bytes:
    """Why it ends, and the usage so far, which replaces the first."""
    counted = {name: value for name, value in plan.usage.items() if name not in ("cache_creation", "service_tier")}
    usage = {} if call.script.usage == "off" else {"usage": counted}
    return event("message_delta", {"delta": plan.stop, **usage})


def _contents(blocks: list[_Block], ping: bytes) -> Iterator[bytes]:
    """One item for each delta that counts, after whatever ends one block and begins the next."""
    due = b""
    for index, block in enumerate(blocks):
        due += _begin(blocks, index) if index else b""
        around = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % index
        for delta in block.deltas:
            yield due + ping + around + delta + b"}\n\n"
            due = b""
        due += _end(blocks, index)


def _rest(blocks: list[_Block]) -> bytes:
    """What comes after the last delta that counts."""
    last = max((index for index, block in enumerate(blocks) if block.number), default=0)
    rest = (_begin(blocks, index) + _end(blocks, index) for index in range(last + 1, len(blocks)))
    return (_end(blocks, last) if blocks else b"") + b"".join(rest)


def _begin(blocks: list[_Block], index: int) -> bytes:
    if index >= len(blocks):
        return b""
    block = blocks[index]
    begin = event("content_block_start", {"index": index, "content_block": block.begin})
    return begin + b"".join(event("content_block_delta", {"index": index, "delta": delta}) for delta in block.first)


def _end(blocks: list[_Block], index: int) -> bytes:
    last = (event("content_block_delta", {"index": index, "delta": delta}) for delta in blocks[index].last)
    return b"".join(last) + event("content_block_stop", {"index": index})
