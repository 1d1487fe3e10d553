"""Compaction items of our own: a summary of the conversation that clients hand back in its place.

The provider's own are encrypted and nobody else can read them; ours are marked and plain, so that any provider can go
on from them. Shape: https://platform.openai.com/docs/api-reference/responses/compact.
"""

from __future__ import annotations

import base64
import binascii

from gateway.errors import InvalidRequest, UpstreamMalformed
from gateway.formats.format import Fields, ReplyContext
from gateway.formats.neutral import Reply, Text

from .usage import write_usage

COMPACT_INSTRUCTION = (
    "Summarize the conversation so far, so that it can be continued from your summary alone by someone who has seen "
    "nothing of it. Keep the user's goals and constraints, decisions and their reasons, names, paths, code, commands "
    "and numbers that still matter, the results of tool calls, and what remains to be done. Answer with the summary "
    "only, and call no tools."
)
"""What the model is told when a summary is wanted instead of an answer."""

SUMMARY_HEADING = "Summary of the conversation so far:\n"
"""In front of a summary that a model reads."""

_MARK = "gw1.compaction."


def write_compaction(summary: str, item_id: str) -> Fields:
    """The item that stands for the conversation it sums up."""
    content = _MARK + base64.b64encode(summary.encode()).decode()
    return {"id": item_id, "type": "compaction", "encrypted_content": content}


def read_compaction(item: Fields, path: str) -> str | None:
    """The summary in an item of ours; None when it is a provider's. Raises InvalidRequest when ours is damaged."""
    content = item.get("encrypted_content")
    if not isinstance(content, str) or not content.startswith(_MARK):
        return None
    try:
        return base64.b64decode(content[len(_MARK) :], validate=True).decode()
    except (binascii.Error, ValueError):
        field = f"{path}.encrypted_content"
        raise InvalidRequest(f"{field} was not issued by this gateway, or has been changed.", param=field) from None


def write_compacted(reply: Reply, context: ReplyContext) -> Fields:
    """The answer to `/v1/responses/compact`, made from a reply that sums up. Raises UpstreamMalformed when it says
    nothing."""
    parts = reply.choices[0].parts if reply.choices else ()
    summary = "".join(part.text for part in parts if isinstance(part, Text))
    if not summary.strip():
        raise UpstreamMalformed("The provider gave no summary of the conversation.")
    return {
        "id": f"resp_{context.token}",
        "object": "response.compaction",
        "created_at": context.created,
        "output": [write_compaction(summary, f"cmp_{context.token}")],
        "usage": write_usage(reply.usage),
    }
