"""What a prompt weighs where no provider counts it: the texts a tokenizer must read, and tokens for everything else.

Errs high: clients decide by these numbers when to shorten a conversation, and one that is too low overflows the model.
Knows no tokenizer; its count of the texts is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from gateway.errors import InvalidRequest

from .neutral import (
    Audio,
    Document,
    Image,
    Output,
    Part,
    Prompt,
    Reasoning,
    Refusal,
    Source,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Video,
)

BYTES_PER_TOKEN = 3
"""Of UTF-8, where no tokenizer is at hand: English has about four, code and most other languages fewer."""

PROMPT_TOKENS = 8
TURN_TOKENS = 4
CALL_TOKENS = 10
"""What a call or a result costs beside its texts."""
TOOL_TOKENS = 12
SERVER_TOOL_TOKENS = 500
"""A vendor describes its own tools to its models at length."""

IMAGE_TOKENS = MappingProxyType({"low": 300, "original": 4800})
"""By detail; the largest of what https://platform.claude.com/docs/en/build-with-claude/vision,
https://platform.openai.com/docs/guides/images-vision and https://ai.google.dev/gemini-api/docs/tokens give."""
USUAL_IMAGE_TOKENS = 1600

REMOTE_TOKENS = MappingProxyType({Document: 6000, Audio: 6000, Video: 20_000})
"""Of what we cannot see: it is at a URL, or in the vendor's keeping."""
LARGEST_DOCUMENT_TOKENS = 300_000
"""About what a PDF of the most pages that vendors take comes to."""
PDF_TOKENS = 3000
PDF_BYTES_PER_TOKEN = 10
AUDIO_BYTES_PER_TOKEN = MappingProxyType({"audio/wav": 500, "audio/x-wav": 500, "audio/pcm": 500, "audio/l16": 500})
"""At 32 tokens a second, which is Google's figure and the highest."""
SMALL_AUDIO_BYTES_PER_TOKEN = 100
VIDEO_BYTES_PER_TOKEN = 200

STATE_BYTES_PER_TOKEN = 6
"""Of encrypted reasoning, which is read by its vendor alone."""


class Measured(NamedTuple):
    """A prompt, or a part of one, before its texts are counted."""

    texts: tuple[str, ...]
    extra: int = 0
    """Tokens of everything that is no text."""
    tools: bool = False
    """Tools are declared."""

    @property
    def size(self) -> int:
        """Bytes of the texts."""
        return sum(len(text) if text.isascii() else len(text.encode("utf-8", "replace")) for text in self.texts)

    @property
    def guess(self) -> int:
        """Tokens of the texts without a tokenizer."""
        return -(-self.size // BYTES_PER_TOKEN)


class Family(NamedTuple):
    """How models of a vendor differ from OpenAI's, whose tokenizer we have."""

    percent: int
    """Their tokens for 100 of OpenAI's."""
    with_tools: int
    """Tokens of what the vendor tells its models about tools, once any are declared."""


OPENAI = Family(100, 16)
ANTHROPIC = Family(130, 350)
"""https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing; OpenAI's tokenizer gives 15 to 30 %
less than theirs for the same text."""
OTHERS = Family(110, 100)

_OPENAI_MODEL = re.compile(r"(?:.*/)?(?:gpt-|chatgpt-|codex-|o[0-9])", re.IGNORECASE)


def family_of(format_name: str, model: str) -> Family:
    """The family of a provider's model: by its name first, since many vendors speak OpenAI's dialects."""
    if "claude" in model.lower() or format_name == "anthropic":
        return ANTHROPIC
    return OPENAI if format_name.startswith("openai") and _OPENAI_MODEL.match(model) else OTHERS


def measured(prompt: Prompt) -> Measured:
    """Everything that a model reads of a prompt. Raises InvalidRequest when a schema is nested too deeply."""
    scale = _Scale(prompt.media_resolution)
    scale.extra += PROMPT_TOKENS
    if prompt.system:
        scale.extra += TURN_TOKENS
        scale.put(*(text.text for text in prompt.system))
    for turn in prompt.turns:
        scale.extra += TURN_TOKENS
        scale.weigh(turn.parts)
    scale.declare(prompt.tools, prompt.output)
    return Measured(tuple(scale.texts), scale.extra, bool(prompt.tools))


def measured_tools(prompt: Prompt) -> Measured:
    """Only its tools and the schema of its answer. Raises InvalidRequest when a schema is nested too deeply."""
    scale = _Scale()
    scale.declare(prompt.tools, prompt.output)
    return Measured(tuple(scale.texts), scale.extra, bool(prompt.tools))


def estimated(part: Measured, tokens: int, family: Family) -> int:
    """The estimate for a model: `tokens` is what the texts come to with OpenAI's tokenizer."""
    instructions = family.with_tools if part.tools else 0
    return -(-(tokens + part.extra) * family.percent // 100) + instructions


class _Scale:
    """What was put on it so far."""

    def __init__(self, resolution: str = "") -> None:
        self.texts: list[str] = []
        self.extra = 0
        self._resolution = resolution

    def put(self, *texts: str) -> None:
        """Texts for the tokenizer; each costs one more for what stands between it and the next."""
        said = [text for text in texts if text]
        self.texts += said
        self.extra += len(said)

    def weigh(self, parts: Iterable[Part]) -> None:
        """Parts of a turn, or of a result."""
        for part in parts:
            _WEIGH[type(part)](self, part)

    def declare(self, tools: tuple[Tool, ...], output: Output | None) -> None:
        """Tools, and the shape of the answer."""
        for tool in tools:
            self.extra += SERVER_TOOL_TOKENS if tool.kind == "server" else TOOL_TOKENS
            self.put(tool.namespace, tool.name, tool.description, _compact(tool.schema))
            if tool.grammar is not None:
                self.put(tool.grammar.definition)
        if output is not None:
            self.extra += TOOL_TOKENS
            self.put(output.name, output.description, _compact(output.schema))

    def text(self, part: Text | Refusal) -> None:
        """Words."""
        self.put(part.text)

    def reasoning(self, part: Reasoning) -> None:
        """Thoughts; where they are encrypted, by the size of that."""
        self.put(part.text)
        if part.state is not None and not part.text:
            self.extra += len(part.state.payload) // STATE_BYTES_PER_TOKEN

    def call(self, part: ToolCall) -> None:
        """A call with its arguments."""
        self.extra += CALL_TOKENS
        self.put(part.namespace, part.name, part.arguments)

    def result(self, part: ToolResult) -> None:
        """What came of a call."""
        self.extra += CALL_TOKENS
        self.weigh(part.parts)

    def image(self, part: Image) -> None:
        """An image, by the detail it is looked at with."""
        self.extra += IMAGE_TOKENS.get(part.detail or self._resolution, USUAL_IMAGE_TOKENS)

    def document(self, part: Document) -> None:
        """A document: its text, or its size."""
        self.put(part.title, part.context)
        if part.source.kind == "text":
            self.put(part.source.value)
        elif part.source.media_type.startswith("text/"):
            self.extra += _by_size(part, BYTES_PER_TOKEN)
        else:
            self.extra += min(PDF_TOKENS + _by_size(part, PDF_BYTES_PER_TOKEN), LARGEST_DOCUMENT_TOKENS)

    def audio(self, part: Audio) -> None:
        """A sound, by its size."""
        rate = AUDIO_BYTES_PER_TOKEN.get(part.source.media_type, SMALL_AUDIO_BYTES_PER_TOKEN)
        self.extra += TOOL_TOKENS + _by_size(part, rate)

    def video(self, part: Video) -> None:
        """A film, by its size."""
        self.extra += USUAL_IMAGE_TOKENS + _by_size(part, VIDEO_BYTES_PER_TOKEN)


_WEIGH: dict[type, Callable[[_Scale, Any], None]] = {
    Text: _Scale.text,
    Refusal: _Scale.text,
    Reasoning: _Scale.reasoning,
    ToolCall: _Scale.call,
    ToolResult: _Scale.result,
    Image: _Scale.image,
    Document: _Scale.document,
    Audio: _Scale.audio,
    Video: _Scale.video,
}


def _by_size(part: Document | Audio | Video, bytes_per_token: int) -> int:
    """Tokens by the bytes of the content, or what is assumed where it is elsewhere."""
    return _bytes_in(part.source) // bytes_per_token if _is_here(part.source) else REMOTE_TOKENS[type(part)]


def _is_here(source: Source) -> bool:
    return source.kind in ("base64", "text")


def _bytes_in(source: Source) -> int:
    return len(source.value) * 3 // 4 if source.kind == "base64" else len(source.value)


def _compact(schema: dict[str, Any] | None) -> str:
    """A schema as the bytes of a request have it."""
    if schema is None:
        return ""
    try:
        return orjson.dumps(schema).decode()
    except orjson.JSONEncodeError:
        raise InvalidRequest("A JSON Schema in this request is nested too deeply.") from None
