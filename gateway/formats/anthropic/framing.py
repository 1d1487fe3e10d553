"""Bytes of events as Anthropic's clients read them: an event's name and its data, which repeats the name.

Events: https://platform.claude.com/docs/en/build-with-claude/streaming. All of a delta but its text is written once,
when its block opens.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from gateway.formats.format import Fields

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
DELTA_END = b"}}\n\n"


class Kind(NamedTuple):
    """How a kind of block opens, and its deltas."""

    block: Fields
    delta: bytes
    """The delta up to its text."""


TEXT = Kind({"type": "text", "text": ""}, b'{"type":"text_delta","text":')
THINKING = Kind({"type": "thinking", "thinking": "", "signature": ""}, b'{"type":"thinking_delta","thinking":')
SIGNATURE = b'{"type":"signature_delta","signature":'
INPUT = b'{"type":"input_json_delta","partial_json":'


def event(kind: str, fields: Fields) -> bytes:
    """Any event."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def block_start(index: int, block: Fields) -> bytes:
    """A block begins."""
    return event("content_block_start", {"index": index, "content_block": block})


def block_stop(index: int) -> bytes:
    """A block is complete."""
    return b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % index


def delta_head(index: int, delta: bytes) -> bytes:
    """A delta event of a block, up to its text; `DELTA_END` follows that."""
    return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b' % (index, delta)
