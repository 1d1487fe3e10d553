"""What all four dialects mean, as types: prompts with their turns and parts, replies, and the numbers of their usage.

Readers make these from a dialect, writers make a dialect from them. They hold what a dialect said, not what another
one can do with it: fitting is the writers' business. The pieces of a stream are in `events`.
Every record is frozen; change one with `msgspec.structs.replace`.
"""

from __future__ import annotations

from operator import add
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import astuple

FormatName = Literal["openai_chat", "openai_responses", "anthropic", "gemini"]

# Opaque state


class State(Struct, frozen=True):
    """What a vendor gave to be handed back untouched: a signature, or encrypted reasoning. Nobody else can read it."""

    origin: Literal["anthropic", "anthropic-redacted", "openai", "gemini"]
    payload: str
    """`anthropic`: the signature. `anthropic-redacted`: the data of a redacted block. `gemini`: the thought signature.
    `openai`: the id of the reasoning item, `~`, and its encrypted content."""


# Media


class Source(Struct, frozen=True):
    """Where the content of an image, a document, a sound or a film is."""

    kind: Literal["base64", "url", "file", "text"]
    """`file` is an id or address that only its vendor knows (`file-…`, `gs://…`, the Files API)."""
    value: str
    """The base64 itself, the URL, the id, or the text."""
    media_type: str = ""
    """Lower-case, without parameters; empty where it was not said (URLs)."""


# Parts


class Citation(Struct, frozen=True):
    """A source that a text names."""

    url: str
    title: str = ""
    start: int = 0
    """First character of the cited text within its part."""
    end: int = 0


class CacheMark(Struct, frozen=True):
    """The prompt up to here is worth caching."""

    ttl: str = ""
    """`5m`, `1h`, `30m`, `12h`, or empty for the vendor's own choice."""


class Text(Struct, frozen=True):
    """Plain text."""

    text: str
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()


class Image(Struct, frozen=True):
    """An image."""

    source: Source
    detail: str = ""
    """`low`, `high`, `original`, `auto`, or empty."""
    cache: CacheMark | None = None


class Document(Struct, frozen=True):
    """A PDF or a text document; its source's media type tells which."""

    source: Source
    title: str = ""
    context: str = ""
    cites: bool = False
    """Citations were asked for."""
    cache: CacheMark | None = None


class Audio(Struct, frozen=True):
    """A sound; the media type of its source is `audio/wav`, `audio/mp3` …"""

    source: Source


class Video(Struct, frozen=True):
    """A film."""

    source: Source


class ToolCall(Struct, frozen=True):
    """The model calls a tool."""

    id: str
    """Empty where the dialect gave none."""
    name: str
    arguments: str
    """Of a function: JSON text as it came, possibly empty or broken. Of a custom tool: its free text."""
    kind: Literal["function", "custom"] = "function"
    namespace: str = ""
    state: State | None = None
    """A signature that belongs to this very call (Gemini)."""
    cache: CacheMark | None = None


class ToolResult(Struct, frozen=True):
    """What came of a call."""

    id: str
    """Of the call it answers; empty where the dialect gave none."""
    parts: tuple[Part, ...]
    """Text, Image, Document, Audio or Video."""
    name: str = ""
    """Of the tool, where the dialect says it."""
    is_error: bool = False
    cache: CacheMark | None = None


class Reasoning(Struct, frozen=True):
    """What the model thought: text, opaque state, or both."""

    text: str = ""
    state: State | None = None


class Refusal(Struct, frozen=True):
    """The model declined, in these words."""

    text: str


Part = Text | Image | Document | Audio | Video | ToolCall | ToolResult | Reasoning | Refusal


class Turn(Struct, frozen=True):
    """One contribution to the conversation. Tool results are parts of user turns."""

    role: Literal["user", "assistant", "system"]
    """`system` is an instruction between turns; leading ones are in `Prompt.system`."""
    parts: tuple[Part, ...]
    phase: str = ""
    """OpenAI Responses: `commentary` or `final_answer`."""


# Tools


class Grammar(Struct, frozen=True):
    """What the input of a custom tool must match."""

    syntax: str
    """`lark` or `regex`."""
    definition: str


class Tool(Struct, frozen=True):
    """A tool the model may call."""

    name: str
    kind: Literal["function", "custom", "server"] = "function"
    description: str = ""
    schema: dict[str, Any] | None = None
    """JSON Schema of a function's arguments, types in lower case; None where there was none."""
    strict: bool | None = None
    namespace: str = ""
    grammar: Grammar | None = None
    cache: CacheMark | None = None
    server: Literal["", "web_search", "code_execution", "url_fetch"] = ""
    """What a server tool does; only these three have counterparts elsewhere."""
    allowed_domains: tuple[str, ...] = ()
    location: dict[str, str] | None = None
    """Of the user, for web search: `city`, `country`, `region`, `timezone`."""
    path: str = ""
    """What the client calls it, where that is not its place in `tools`."""


class ToolChoice(Struct, frozen=True):
    """Which tools the model may or must use."""

    mode: Literal["none", "auto", "required", "named", "allowed"]
    names: tuple[str, ...] = ()
    """`named`: the one tool. `allowed`: those it may choose from."""
    required: bool = False
    """`allowed`: it must call one of them."""


# What is asked of the model


class Thinking(Struct, frozen=True):
    """How much to think, and whether to show it."""

    mode: Literal["off", "on", "adaptive"] | None = None
    """None where the dialect has no such word. `on` is Anthropic's `enabled`."""
    effort: str | None = None
    """`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`."""
    budget: int | None = None
    """Tokens; -1 leaves it to the model."""
    visible: bool = False
    """The client wants to see it."""


class Output(Struct, frozen=True):
    """What the answer must look like."""

    kind: Literal["json_object", "json_schema"]
    schema: dict[str, Any] | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Sampling(Struct, frozen=True):
    """How tokens are drawn."""

    temperature: float | None = None
    """0 to 2."""
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    n: int | None = None
    """Answers wanted."""
    logit_bias: dict[str, float] | None = None
    logprobs: bool = False
    top_logprobs: int | None = None


class Identity(Struct, frozen=True):
    """Who asks, as told to the vendor."""

    user: str | None = None
    safety_id: str | None = None
    metadata: dict[str, str] | None = None
    tier: str | None = None
    """Service tier in OpenAI's words: `auto`, `default`, `flex`, `scale`, `priority`, `fast`, `ultrafast`."""
    store: bool | None = None


class Prompt(Struct, frozen=True):
    """A whole request, whatever dialect it came in."""

    system: tuple[Text, ...]
    """Leading instructions."""
    turns: tuple[Turn, ...]
    stream: bool = False
    wants_usage: bool = False
    """Usage was asked for in the stream (OpenAI Chat)."""
    max_tokens: int | None = None
    """Visible and reasoning tokens."""
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel: bool | None = None
    """Several calls in one answer."""
    thinking: Thinking | None = None
    output: Output | None = None
    verbosity: str | None = None
    cache_key: str | None = None
    cache: CacheMark | None = None
    """The whole prompt is worth caching (Anthropic's top-level `cache_control`)."""
    identity: Identity = Identity()
    media_resolution: str = ""
    """Detail of every image: `low`, `high`, `original`, or empty."""
    safety: tuple[tuple[str, str], ...] = ()
    """Gemini's category and threshold pairs."""


# Replies


class Usage(Struct, frozen=True):
    """Tokens, in numbers that do not overlap."""

    fresh: int = 0
    """Input that was neither read from nor written to a cache."""
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    """Of `cache_write`, what was written for an hour or longer: a part, not an addition."""
    tool_prompt: int = 0
    """Input that server tools brought in (Gemini)."""
    visible: int = 0
    """Output without reasoning."""
    reasoning: int = 0
    input_audio: int = 0
    input_image: int = 0
    """Of input that no cache was asked for, what is audio or images: parts, not additions."""
    output_audio: int = 0
    output_image: int = 0
    """Of `visible`, what is audio or images."""
    cost_nano_usd: int | None = None
    """What the provider says that it charged."""

    @property
    def input(self) -> int:
        """All input."""
        return self.fresh + self.cache_read + self.cache_write + self.tool_prompt

    @property
    def output(self) -> int:
        """All output."""
        return self.visible + self.reasoning

    def __add__(self, other: Usage) -> Usage:
        """What two requests took together."""
        *mine, my_cost = astuple(self)
        *its, its_cost = astuple(other)
        cost = None if my_cost is None or its_cost is None else my_cost + its_cost  # of a part, nothing is known
        return Usage(*[*map(add, mine, its), cost])


class TokenChance(Struct, frozen=True):
    """A token and how likely it was."""

    token: str
    logprob: float
    top: tuple[TokenChance, ...] = ()
    """The most likely tokens at this place."""


FinishReason = Literal[
    "stop",
    "stop_sequence",
    "length",
    "context_full",
    "tool_calls",
    "filter",
    "refusal",
    "pause",
    "malformed",
    "other",
]
"""Why an answer ended. `filter`: withheld by the vendor; `refusal`: the model said no; `malformed`: a broken call."""


class Finish(Struct, frozen=True):
    """How an answer ended."""

    reason: FinishReason
    stop_sequence: str = ""
    """The one that was met, where the vendor says which."""
    detail: str = ""
    """The vendor's own word or explanation."""
    category: str = ""
    """Anthropic's category of a refusal."""


class Choice(Struct, frozen=True):
    """One answer."""

    parts: tuple[Part, ...]
    """Text, Reasoning, Refusal, ToolCall, or Image where the model draws."""
    finish: Finish
    index: int = 0
    chances: tuple[TokenChance, ...] = ()


class Reply(Struct, frozen=True):
    """A whole answer."""

    id: str
    """The vendor's; empty where it gave none."""
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    tier: str = ""
    """The service tier that served it, in the vendor's word."""
