"""A request from before, to be sent once more from the playground: with the body that was captured, or with as much of
it as the usage record knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.errors import Unacceptable, UnknownResource
from gateway.management import bodies
from web.least import FILES, whole_body
from web.page import Site, Visit
from web.pages.request import request_row
from web.pages.said import text_of
from web.pages.where import USUAL

REDACTED = "[redacted]"

NOT_SENDABLE = "Only the model is as it was: what is asked there, such as a file, cannot be sent from here."


@dataclass(frozen=True, slots=True)
class Replayed:
    """What is known of it."""

    id: str
    endpoint: str
    model: str
    """For a path with a model in it."""
    body: str
    note: str
    """What of it is not as it was."""


async def replayed(site: Site, visit: Visit, wanted: str) -> Replayed:
    """A request that whoever looks may see. Raises UnknownResource, StateUnavailable."""
    row = await request_row(site, visit, wanted)
    is_sendable = row["endpoint"] in site.endpoints and row["endpoint"] not in FILES
    endpoint = row["endpoint"] if is_sendable else USUAL
    model = row["requested_model"] or ""
    text, note = await _captured(site, visit, row) if is_sendable else ("", NOT_SENDABLE)
    if not text:
        fields = whole_body(endpoint, model, is_streamed=row["stream"])
        text = orjson.dumps(fields, option=orjson.OPT_INDENT_2).decode()
    return Replayed(row["id"], endpoint, model if "{model}" in endpoint else "", text, note)


async def _captured(site: Site, visit: Visit, row: Mapping[str, Any]) -> tuple[str, str]:
    """The body as it was sent, where that may be read, and what is not as it was; without it why."""
    only = "Only model and endpoint are as they were"
    if not visit.person.may(bodies.READ):
        return "", f"{only}: what was said is not for you to read."
    if not row["captured"]:
        return "", f"{only}: nothing of what was said was kept."
    try:
        capture = await bodies.read_bodies(site.office, visit.person, row["id"])
    except (UnknownResource, Unacceptable) as error:
        return "", f"{only}. {error.message}"
    body = capture.request.body
    text = text_of(body)
    if body.cut or not text:
        return "", f"{only}: {'only the beginning of its body' if body.cut else 'no text of it'} was kept."
    note = "Secrets in it are taken out: put something in their place." if REDACTED in text else ""
    return _pretty(text), note


def _pretty(text: str) -> str:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return text
