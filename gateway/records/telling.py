"""What a request and its reply say of themselves beside their words, for whoever tells of the exchange."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

OutputKind = Literal["text", "json", "image", "speech"]


class Parameters(Struct, frozen=True, gc=False):
    """What a request asks of a model; None where it does not say, or says it in no way that anybody understands."""

    max_tokens: int | None = None
    """Most tokens of the answer."""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    choices: int | None = None
    """Answers wanted."""
    stop: tuple[str, ...] = ()
    """What ends the answer where it is said."""
    effort: str | None = None
    """How much to think, as the request has it."""
    output: OutputKind | None = None
    """What the answer is to be."""
    previous: str | None = None
    """Id of the response that it continues."""


class Closing(Struct, frozen=True, gc=False):
    """What a provider calls its reply, and why that ended."""

    id: str = ""
    """Empty where it gave none."""
    reasons: tuple[str, ...] = ()
    """Of each answer in it: `stop`, `length`, `tool_calls`, `content_filter`, `error`, or else the provider's word."""
