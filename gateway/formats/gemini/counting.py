"""A number of input tokens, and the wish for one, as `:countTokens` has them.

https://ai.google.dev/api/tokens. Google's own services differ in what they take beside `contents`.
"""

from __future__ import annotations

from gateway.errors import UpstreamMalformed
from gateway.formats.format import Fields
from gateway.formats.values import an_object

from .spelling import given

_WRAPPED = "generateContentRequest"


def read_count(fields: Fields) -> int:
    """A provider's number. Raises UpstreamMalformed when there is none."""
    tokens = fields.get("totalTokens")
    if tokens.__class__ is not int or tokens < 0:
        raise UpstreamMalformed("The provider's answer has no number of tokens.")
    return int(tokens)


def write_count(tokens: int) -> Fields:
    """The number for a client."""
    return {"totalTokens": tokens}


def count_request(body: Fields) -> Fields:
    """A request for a reply as the wish for a count. Only `contents` is taken everywhere, so instructions go there."""
    instruction = body.get("systemInstruction")
    first = [{"role": "user", "parts": instruction["parts"]}] if instruction else []
    return {"contents": [*first, *body["contents"]]}


def read_count_prompt(fields: Fields) -> Fields:
    """A client's wish for a count as the request for a reply that it is about. Raises InvalidRequest."""
    inner = given(fields, "").get(_WRAPPED)
    return fields if inner is None else an_object(inner, _WRAPPED)
