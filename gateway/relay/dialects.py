"""A dialect as a provider really speaks it: errors that it hides in answers found, the usage that it tells put right.

What is wrong with whose answers the catalogue knows. Of a provider that answers as it should, the dialect is the very
one that all share. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from gateway.catalog.quirks import Refusal, UsageFix, refusals_of, usage_fix_of
from gateway.errors import ProviderRefused
from gateway.formats.events import Event
from gateway.formats.format import EventReader, Fields, Format
from gateway.formats.neutral import Reply, Usage
from gateway.formats.table import FORMATS
from gateway.formats.usages import last_tokens, usage_member
from gateway.records import Provider, Tokens

_USAGE = usage_member(b"usage", depth=2)


def dialect_of(provider: Provider, format_name: str) -> Format:
    """A dialect, as this provider speaks it."""
    if not provider.quirks:
        return FORMATS[format_name]
    return _spoken(format_name, refusals_of(provider), usage_fix_of(provider, format_name))


@lru_cache(maxsize=256)
def _spoken(name: str, refusal: Refusal | None, fix: UsageFix | None) -> Format:
    if refusal is None and fix is None:
        return FORMATS[name]
    ear = _Ear(FORMATS[name], refusal, fix)
    spoken = replace(
        FORMATS[name],
        read_reply=ear.read_reply,
        event_reader=ear.event_reader,
        refusal=ear.error_in if refusal is not None else None,
    )
    return spoken if fix is None else replace(spoken, read_usage=ear.read_usage, tokens_in=ear.tokens_in)


class _Ear:
    """Understands what one kind of provider means by its answers."""

    def __init__(self, dialect: Format, refusal: Refusal | None, fix: UsageFix | None) -> None:
        self._dialect = dialect
        self._refusal = refusal
        self._fix = fix

    def error_in(self, fields: Fields) -> ProviderRefused | None:
        """The error that an answer is, or an event."""
        found = self._refusal(fields) if self._refusal is not None else None
        return None if found is None else ProviderRefused(found[1], category="server", code=found[0])

    def meant(self, fields: Fields) -> Fields:
        """What was to be said. The same object where that is what was said; raises ProviderRefused for an error."""
        error = self.error_in(fields)
        if error is not None:
            raise error
        usage = fields.get("usage")
        if self._fix is None or not isinstance(usage, dict):
            return fields
        fixed = self._fix(usage)
        return fields if fixed is usage else {**fields, "usage": fixed}

    def read_reply(self, fields: Fields) -> Reply:
        """As the dialect's own."""
        return self._dialect.read_reply(self.meant(fields))

    def event_reader(self) -> EventReader:
        """As the dialect's own."""
        return _Listening(self._dialect.event_reader(), self)

    def read_usage(self, usage: Fields) -> Usage:
        """As the dialect's own."""
        return self._dialect.read_usage(self._fix(usage) if self._fix is not None else usage)

    def tokens_in(self, body: bytes) -> Tokens | None:
        """As the dialect's own."""
        return last_tokens(body, _USAGE, self.read_usage)


class _Listening:
    """A reader of streams that is told what was meant."""

    __slots__ = ("_ear", "_reader")

    def __init__(self, reader: EventReader, ear: _Ear) -> None:
        self._reader = reader
        self._ear = ear

    @property
    def finished(self) -> bool:
        """Its end mark was seen."""
        return self._reader.finished

    @finished.setter
    def finished(self, value: bool) -> None:
        self._reader.finished = value

    def feed(self, data: bytes) -> Iterable[Event]:
        """The events in the data of one event. Raises UpstreamError."""
        fields = _object_in(data)
        if fields is not None and (meant := self._ear.meant(fields)) is not fields:
            data = orjson.dumps(meant)
        return self._reader.feed(data)

    def close(self) -> Iterable[Event]:
        """What is left to say at the end."""
        return self._reader.close()

    def resume(self) -> str:
        """The token for which the provider goes on."""
        return self._reader.resume()


def _object_in(data: bytes) -> Fields | None:
    try:
        fields: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None
