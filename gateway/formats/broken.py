"""What a provider's stream is told to be when it is broken, in the words of every dialect's reader alike.

Readers look here only once they have met what is none of their events.
"""

from __future__ import annotations

from gateway.errors import UpstreamClosed, UpstreamMalformed

from .events import Event, ReplyFailed


def not_json(data: bytes) -> tuple[Event, ...]:
    """The events in data that is no JSON: none in a blank or in `[DONE]`. Raises UpstreamMalformed on anything else."""
    if data.strip() in (b"", b"[DONE]"):
        return ()
    raise UpstreamMalformed("The provider's stream has an event that is not JSON.") from None


def no_object() -> UpstreamMalformed:
    """What to raise for JSON that is no object."""
    return UpstreamMalformed("The provider's stream has an event that is no JSON object.")


def cut_off() -> tuple[Event, ...]:
    """The end of a stream whose end never came (STR-6)."""
    return (ReplyFailed(UpstreamClosed("The provider's stream ended early.")),)
