"""Gemini's generateContent and streamGenerateContent: a request into a reply or a stream. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson

from gateway.mock import echo, examples, gemini, signatures, texts, tokens
from gateway.mock.answers import Call, Reply, Stream
from gateway.mock.framing import EVENT_STREAM
from gateway.mock.gemini_contents import media_of, parts_of
from gateway.mock.gemini_request import Asked, read_request
from gateway.mock.script import THOUGHTS, Script

JSON = b"application/json; charset=UTF-8"
_RATINGS = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]


def answer(call: Call) -> Reply:
    """`POST /v1beta/models/{model}:generateContent`. Raises `Refused`."""
    asked = read_request(call)
    plan = _plan(call, asked)
    if call.script.blocked:
        return Reply(orjson.dumps(_blocked(call, plan)), content_type=JSON)
    parts = [{"text": "".join(plan.thoughts), "thought": True}] if plan.thoughts else []
    if plan.chunks:
        said = texts.content(plan.script, call.clock, most=plan.chunks)
        parts.append({"text": said} | plan.signature)
    parts += plan.calls
    candidates = [{"content": _content(parts), **plan.end, "index": index} for index in plan.candidates]
    usage = plan.counter.count(plan.spoken, len(plan.thoughts), final=True)
    return Reply(orjson.dumps(_document(call, {"candidates": candidates}, usage)), content_type=JSON)


def stream(call: Call) -> Stream:
    """`POST /v1beta/models/{model}:streamGenerateContent`: events, or one JSON list. Raises `Refused`."""
    asked = read_request(call)
    plan = _plan(call, asked)
    chunks = _Chunks(call, plan)
    late = chunks.late()
    return Stream(
        opening=chunks.opening,
        contents=chunks.contents(),
        closing=chunks.closing(),
        late=late,
        end=chunks.end,
        error=chunks.error(),
        content_type=chunks.content_type,
    )


class _Plan(NamedTuple):
    """What the answer will be, before a byte of it is written."""

    script: Script
    chunks: int
    """Pieces of text."""
    thoughts: list[str]
    calls: list[dict[str, Any]]
    """Parts that are function calls."""
    signature: dict[str, Any]
    """Of the last part of an answer without calls, if it is signed."""
    end: dict[str, Any]
    """The fields of a candidate that say why it ends."""
    candidates: range
    counter: gemini.Counter

    @property
    def spoken(self) -> int:
        """Pieces that are no thoughts, of all candidates."""
        return (self.chunks + len(self.calls)) * len(self.candidates)


def _plan(call: Call, asked: Asked) -> _Plan:
    number = 0 if call.script.blocked else _thoughts(call.script, asked)
    thoughts = texts.thoughts(number)
    signed = bool(thoughts) or asked.abilities.signs
    signature = {"thoughtSignature": signatures.seal(call.model, "".join(thoughts))} if signed else {}
    calls = _calls(call, asked, signature)
    script, chunks, reason = _speech(call, asked)
    if calls and call.script.chunks is None and call.script.text is None:
        chunks = 0
    counter = gemini.Counter(call.script, prompt=count_prompt(asked))
    end = _end(call, chunks=chunks, script=script, reason="STOP" if calls else reason)
    candidates = range(asked.generation.get("candidateCount", 1))
    return _Plan(script, chunks, thoughts, calls, {} if calls else signature, end, candidates, counter)


def count_prompt(asked: Asked) -> int:
    """Tokens of a request."""
    return tokens.count([asked.contents, asked.system, asked.functions])


def _thoughts(script: Script, asked: Asked) -> int:
    """Pieces of thought: as many as scripted, or some when the request wants to see them."""
    wanted = asked.thinking.get("includeThoughts") and asked.thinking.get("thinkingBudget") != 0
    return script.thinking or (THOUGHTS if wanted else 0)


def _speech(call: Call, asked: Asked) -> tuple[Script, int, str]:
    """The text of the answer, its pieces and why it ends: scripted, the echo of the request, or JSON as asked for."""
    script, generation = call.script, asked.generation
    if script.echo:
        script = echo.speak(script, _see(asked))
        return script, texts.count(script), "STOP"
    if script.text is None and generation.get("responseMimeType") in ("application/json", "text/x.enum"):
        script = echo.say(script, _as_asked(generation))
    wanted = texts.count(script)
    most = generation.get("maxOutputTokens", wanted)
    chunks = min(wanted, most)
    found = texts.until(script, call.clock, most=chunks, stops=generation.get("stopSequences", []))
    if found is not None:
        script = echo.say(script, found[0])
        return script, texts.count(script) if found[0] else 0, "STOP"
    return script, chunks, "MAX_TOKENS" if most < wanted else "STOP"


def _as_asked(generation: dict[str, Any]) -> str:
    schema = generation.get("responseJsonSchema", generation.get("responseSchema", {"properties": {"answer": {}}}))
    made = examples.example(schema)
    if generation["responseMimeType"] == "text/x.enum" and isinstance(made, str):
        return made
    return orjson.dumps(made).decode()


def _see(asked: Asked) -> echo.Seen:
    """What the echo tells."""
    media = list(media_of(asked.contents))
    said = [_texts(content) for content in asked.contents if content.get("role", "user") == "user"]
    responses = [response for content in asked.contents for response in parts_of(content, "functionResponse")]
    return echo.Seen(
        _texts(asked.system),
        next(filter(None, reversed(said)), ""),
        sum(1 for kind in media if kind.startswith("image/")),
        sum(1 for kind in media if kind.startswith(("application/", "text/"))),
        [_result(response.get("response", {})) for response in responses],
        len(asked.contents),
    )


def _texts(content: dict[str, Any]) -> str:
    return "\n".join(parts_of(content, "text"))


def _result(response: dict[str, Any]) -> str:
    """The text of a result that says nothing else, or else its JSON."""
    values = list(response.values())
    return values[0] if len(values) == 1 and isinstance(values[0], str) else orjson.dumps(response).decode()


def _end(call: Call, *, chunks: int, script: Script, reason: str) -> dict[str, Any]:
    part = part_of(call.document.get("continuationToken"))
    if part < call.script.parts:
        return {"finishReason": "CONTINUATION", "continuationToken": token_after(part)}
    reason = call.script.finish or ("SAFETY" if call.script.refusal else reason)
    end: dict[str, Any] = {"finishReason": reason}
    if reason == "SAFETY":
        end["safetyRatings"] = _RATINGS
    if call.script.citations and chunks and not script.stamp:
        end["groundingMetadata"] = _grounding(texts.content(script, call.clock, most=1))
    return end


def token_after(part: int) -> str:
    """For the next answer."""
    return base64.b64encode(b"part %d" % part).decode()


def part_of(token: Any) -> int:
    """Which answer a token asks for. Raises `Refused` for one we did not give."""
    if token is None:
        return 1
    said = base64.b64decode(str(token)).decode("utf-8", "replace")
    if not re.fullmatch(r"part \d{1,3}", said):
        raise gemini.refuse("Invalid continuation token.")
    return int(said[5:]) + 1


def _grounding(text: str) -> dict[str, Any]:
    """What was found on the web for the first piece of the text; places are bytes."""
    return {
        "webSearchQueries": ["weir"],
        "groundingChunks": [{"web": {"uri": "https://example.com/weir", "title": "Weirs"}}],
        "groundingSupports": [
            {"segment": {"endIndex": len(text.encode()), "text": text}, "groundingChunkIndices": [0]},
        ],
    }


def _calls(call: Call, asked: Asked, signature: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls this answer makes: when the script says so, or the request leaves no choice. The first is signed."""
    mode, allowed = asked.calling.get("mode"), asked.calling.get("allowedFunctionNames")
    offered = [function for function in asked.functions if not allowed or function["name"] in allowed]
    wanted = call.script.toolcall or int(mode == "ANY")
    if not offered or mode == "NONE" or call.script.blocked:
        return []
    calls = [_call(offered[position % len(offered)]) for position in range(wanted)]
    return [part | (signature if position == 0 else {}) for position, part in enumerate(calls)]


def _call(function: dict[str, Any]) -> dict[str, Any]:
    """A call; without arguments it has no `args`."""
    given = examples.example(function.get("parametersJsonSchema", function.get("parameters")))
    return {"functionCall": {"name": function["name"]} | ({"args": given} if given else {})}


def _content(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"parts": parts, "role": "model"} if parts else {"role": "model"}


def _document(call: Call, content: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    counted = {} if call.script.usage == "off" or not usage else {"usageMetadata": usage}
    return content | counted | {"modelVersion": call.model, "responseId": f"{call.number:024x}"}


def _blocked(call: Call, plan: _Plan) -> dict[str, Any]:
    """The answer to a prompt that was refused: no candidates, and HTTP 200."""
    usage = plan.counter.count(0, 0)
    del usage["candidatesTokenCount"]
    return _document(call, {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": _RATINGS}}, usage)


class _Chunks:
    """The chunks of one stream, as events or as entries of one list."""

    def __init__(self, call: Call, plan: _Plan) -> None:
        self._call = call
        self._plan = plan
        events = gemini.wants_events(call.query) and not call.script.array
        self._before, self._after = (b"data: ", b"\n\n") if events else (b",\r\n", b"")
        self.content_type = EVENT_STREAM if events else JSON
        self.opening = b"" if events else b"["
        self.end = b"" if events else b"]"
        self._tail = orjson.dumps(_document(call, {}, {}))[1:]

    def contents(self) -> Iterator[bytes]:
        """One item for each thought, piece of text and call."""
        if self._call.script.blocked:
            return
        plan = self._plan
        for number, item in enumerate(self._parts()):
            thought, spoken = min(number + 1, len(plan.thoughts)), max(number + 1 - len(plan.thoughts), 0)
            usage = self._usage(spoken * len(plan.candidates), thought)
            written = b"".join(
                self._write(b'{"candidates":[{"content":{"parts":[%b],"role":"model"},"index":%d}]%b,%b'
                            % (item, index, usage, self._tail))
                for index in plan.candidates
            )  # fmt: skip
            yield written if number else self._first(written)

    def _parts(self) -> Iterator[bytes]:
        plan = self._plan
        for thought in plan.thoughts:
            yield orjson.dumps({"text": thought, "thought": True})
        for piece in islice(texts.pieces(plan.script, self._call.clock), plan.chunks):
            yield b'{"text":%b}' % piece
        yield from map(orjson.dumps, plan.calls)

    def closing(self) -> bytes:
        """Why it ends, on an empty text: the last chunk has all the usage."""
        plan, script = self._plan, self._call.script
        if script.blocked:
            return self._first(self._write(orjson.dumps(_blocked(self._call, plan))))
        end = {} if script.nodone else plan.end
        parts = _content([{"text": ""} | plan.signature])
        usage = {} if script.usage == "late" else plan.counter.count(plan.spoken, len(plan.thoughts), final=True)
        written = b"".join(
            self._write(orjson.dumps(_document(
                self._call, {"candidates": [{"content": parts, **end, "index": index}]}, usage
            )))
            for index in plan.candidates
        )  # fmt: skip
        return written if plan.thoughts or plan.chunks or plan.calls else self._first(written)

    def late(self) -> bytes:
        """The usage in a chunk of its own."""
        plan = self._plan
        if self._call.script.usage != "late":
            return b""
        usage = plan.counter.count(plan.spoken, len(plan.thoughts), final=True)
        return self._write(orjson.dumps(_document(self._call, {}, usage)))

    def error(self) -> bytes:
        """An error instead of what is left; also as the first entry of a list it closes the list."""
        written = self._write(gemini.error_event(self._call)) + self.end
        return self.opening + self._first(written) if self._call.script.errorevent == 0 else written

    def _write(self, document: bytes) -> bytes:
        return self._before + document + self._after

    def _first(self, written: bytes) -> bytes:
        """The first entry of a list has no comma before it."""
        return written.removeprefix(b",\r\n")

    def _usage(self, spoken: int, thought: int) -> bytes:
        """The usage so far, as the growing chunks tell it."""
        if self._call.script.usage in ("off", "late", "last"):
            return b""
        return b',"usageMetadata":%b' % orjson.dumps(self._plan.counter.count(spoken, thought))
