"""A provider's whole answer as a reply: it has the shape of a piece of a stream, and is read as a stream of one."""

from __future__ import annotations

from gateway.formats.fold import fold
from gateway.formats.format import Fields
from gateway.formats.neutral import Reply

from .event_reader import EventReader


def read_reply(fields: Fields) -> Reply:
    """The reply. Raises ProviderRefused when it is an error (ERR-3), UpstreamMalformed when it is no answer."""
    reader = EventReader()
    return fold([*reader.read(fields), *reader.whole()])
