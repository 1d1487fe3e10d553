"""What a request for a Response asks of a model, and how that ended, for whoever looks on.

Fields: https://platform.openai.com/docs/api-reference/responses/create.
"""

from __future__ import annotations

from typing import Any

from gateway.formats.closing import BROKEN, reason_of
from gateway.formats.format import Fields, Told
from gateway.formats.openai_fields import output_kind
from gateway.formats.told import number_of, object_in, object_of, objects_in, some_of, text_in, whole_of, word_of
from gateway.records import OutputKind, Parameters

from .incoming_items import CALLS
from .reply_reader import read_finish


def _effort(value: Any) -> str | None:
    return word_of(object_of(value).get("effort"))


def _output(value: Any) -> OutputKind | None:
    return output_kind(object_of(value).get("format"))


_ASKED = {
    "max_output_tokens": ("max_tokens", whole_of),
    "temperature": ("temperature", number_of),
    "top_p": ("top_p", number_of),
    "reasoning": ("effort", _effort),
    "text": ("output", _output),
    "previous_response_id": ("previous", word_of),
}
_FAILED = ("failed", "cancelled")
_ENDED = ("completed", "done")
"""Of an event also its name, where servers leave the status out."""


def read_parameters(fields: Fields) -> Parameters:
    """What a request asks."""
    return Parameters(**some_of(fields, _ASKED))


def read_told(fields: Fields) -> Told:
    """How a Response is called and why it ended: one that calls for tools says so by its items alone."""
    response = object_in(fields, "response") or fields
    status = text_in(response, "status") or text_in(fields, "type").removeprefix("response.")
    reason = ""
    if status in _FAILED:
        reason = BROKEN
    elif status == "incomplete":
        finish = read_finish({**response, "status": status}, refused=False)
        reason = reason_of(finish, finish.detail or status)
    elif status in _ENDED:
        calls = any(text_in(item, "type") in CALLS for item in objects_in(response, "output"))
        reason = "tool_calls" if calls else "stop"
    return Told(text_in(response, "id"), {0: reason} if reason else {})
