"""What OpenAI's two dialects write alike: settings and parts of a client's request, and parts for a provider.

Each names the fields around them in its own way, so the paths are handed in. Fields:
https://platform.openai.com/docs/api-reference/responses/create and
https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from gateway.errors import InvalidRequest
from gateway.records import OutputKind

from .format import Fields
from .neutral import Audio, CacheMark, Grammar, Identity, Output, Part, Refusal, Source, Text
from .told import object_of, text_in
from .values import a_flag, a_text, an_object, maybe, one_of

VERBOSITIES = ("low", "medium", "high")

_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}

_LIFETIMES = {"1h": "30m", "30m": "30m", "12h": "12h"}
"""Of cache marks; any other is left to the vendor (CACHE-1)."""

_OUTPUTS: Mapping[str, OutputKind] = MappingProxyType({"text": "text", "json_object": "json", "json_schema": "json"})

# Settings of a client


def read_output(value: Any, path: str, within: str = "") -> Output | None:
    """What the answer must look like; `within` is the member that holds the schema, where one does, but need not."""
    if value is None:
        return None
    form = an_object(value, path)
    kind = one_of(form.get("type"), ("text", "json_object", "json_schema"), f"{path}.type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Output("json_object")
    if within:
        path = f"{path}.{within}"
        inner = an_object(form.get(within), path)
        form = {**inner, "schema": {} if inner.get("schema") is None else inner["schema"]}
    return Output(
        "json_schema",
        an_object(form.get("schema"), f"{path}.schema"),
        maybe(a_text, form, "name", path) or "",
        maybe(a_text, form, "description", path) or "",
        maybe(a_flag, form, "strict", path),
    )


def output_kind(form: Any) -> OutputKind | None:
    """The same at a glance: what kind of answer it is; None where that is not said."""
    return _OUTPUTS.get(text_in(object_of(form), "type"))


def read_identity(given: Fields, tiers: Collection[str]) -> Identity:
    """Who asks, and what OpenAI is to do with it."""
    return Identity(
        user=maybe(a_text, given, "user"),
        safety_id=maybe(a_text, given, "safety_identifier"),
        metadata=maybe(_pairs, given, "metadata"),
        tier=one_of(given["service_tier"], tiers, "service_tier") if "service_tier" in given else None,
        store=maybe(a_flag, given, "store"),
    )


def _pairs(value: Any, path: str) -> dict[str, str]:
    return {name: a_text(each, f"{path}.{name}") for name, each in an_object(value, path).items()}


def read_grammar(value: Any, path: str, within: str = "") -> Grammar | None:
    """What a custom tool may be told; `within` is the member that holds the grammar, where one does."""
    if value is None:
        return None
    form = an_object(value, path)
    if one_of(form.get("type"), ("text", "grammar"), f"{path}.type") == "text":
        return None
    if within:
        path = f"{path}.{within}"
        form = an_object(form.get(within), path)
    return Grammar(
        one_of(form.get("syntax"), ("lark", "regex"), f"{path}.syntax"),
        a_text(form.get("definition"), f"{path}.definition"),
    )


# Parts of a client


def read_parts(read_part: Callable[[Any, str], Part], value: Any, path: str) -> tuple[Part, ...]:
    """The parts of a string or of a list of parts; none for null. Raises InvalidRequest with the part at fault."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (Text(value),)
    if not isinstance(value, list):
        raise InvalidRequest(f"{path} must be a string or an array of content parts.", param=path)
    return tuple(read_part(part, f"{path}[{at}]") for at, part in enumerate(value))


def a_detail(value: Any, path: str) -> str:
    """How closely an image is to be looked at."""
    return one_of(value, ("low", "high", "auto", "original"), path)


def read_refusal(part: Fields, path: str) -> Refusal:
    """What an assistant would not say."""
    return Refusal(a_text(part.get("refusal"), f"{path}.refusal"))


def read_audio(part: Fields, path: str) -> Audio:
    """A sound, which comes with its form."""
    sound = an_object(part.get("input_audio"), f"{path}.input_audio")
    form = one_of(sound.get("format"), ("wav", "mp3"), f"{path}.input_audio.format")
    return Audio(Source("base64", a_text(sound.get("data"), f"{path}.input_audio.data"), f"audio/{form}"))


def read_source(read: Callable[[str], Source], value: str, path: str) -> Source:
    """A source, as `read` understands it. Raises InvalidRequest with the field at fault."""
    try:
        return read(value)
    except InvalidRequest as error:
        raise InvalidRequest(error.message, param=path) from None


def read_mark(part: Fields, path: str) -> CacheMark | None:
    """`prompt_cache_breakpoint`."""
    mark = maybe(an_object, part, "prompt_cache_breakpoint", path)
    if mark is None:
        return None
    return CacheMark(maybe(a_text, mark, "ttl", f"{path}.prompt_cache_breakpoint") or "")


# Parts for a provider


def write_mark(mark: CacheMark | None, *, taken: bool) -> Fields:
    """The field of a cache mark, where such are taken; only a hint: leaving it out is not reported (CACHE-1)."""
    if mark is None or not taken:
        return {}
    lifetime = _LIFETIMES.get(mark.ttl)
    return {"prompt_cache_breakpoint": {"mode": "explicit", **({"ttl": lifetime} if lifetime else {})}}


def write_audio(part: Audio) -> Fields | None:
    """A sound; None for what OpenAI does not take."""
    form = _SOUNDS.get(part.source.media_type)
    if form is None or part.source.kind != "base64":
        return None
    return {"type": "input_audio", "input_audio": {"data": part.source.value, "format": form}}
