"""What is typed into the playground: a conversation or a body, and what is to be sent of it."""

from __future__ import annotations

import orjson

from gateway.errors import Unacceptable
from web.dialects import DIALECTS, Talk, Turn
from web.forms import Form
from web.least import FILES
from web.page import Site
from web.pages.played import Wish

LONGEST_TEXT = 1_000_000
MOST_TOKENS = 1_000_000

USER, MODEL = "U", "M"
"""What the field of a turn begins with."""


def turns_typed(form: Form) -> tuple[Turn, ...]:
    """The conversation so far; a question without an answer is none of it."""
    turns = list[Turn]()
    for value in form.every("turn"):
        text = value[1:].replace("\r\n", "\n")
        if value[:1] == USER:
            turns.append(Turn("user", text))
        elif value[:1] == MODEL and text:
            turns.append(Turn("model", text))
    while turns and turns[-1].who == "user":
        turns.pop()
    return tuple(turns)


def wish_typed(site: Site, form: Form) -> Wish:
    """What is to be sent. Raises Unacceptable."""
    return _raw_typed(site, form) if form.raw("mode") == "raw" else _talk_typed(form)


def _raw_typed(site: Site, form: Form) -> Wish:
    endpoint, model = form.text("endpoint", 500), form.text("model", 300)
    if endpoint not in site.endpoints or endpoint in FILES:
        raise Unacceptable("Choose one of the endpoints.", param="endpoint")
    if "{model}" in endpoint and not model:
        raise Unacceptable("Say which model stands in the path.", param="model")
    body = form.raw("body")
    if not body.strip():
        raise Unacceptable("Write the body here, as a client would send it.", param="body")
    return Wish(endpoint, model if "{model}" in endpoint else "", body.encode("utf-8", "replace"))


def _talk_typed(form: Form) -> Wish:
    dialect = DIALECTS.get(form.raw("format"))
    if dialect is None:
        raise Unacceptable("Choose one of the formats.", param="format")
    model, message = form.text("model", 300), form.raw("message").replace("\r\n", "\n")
    if not model:
        raise Unacceptable("Say which model is asked.", param="model")
    if not message.strip():
        raise Unacceptable("Say something to the model.", param="message")
    talk = Talk(
        model=model,
        turns=(*turns_typed(form), Turn("user", message)),
        system=form.raw("system").replace("\r\n", "\n"),
        temperature=_number(form, "temperature", 2),
        max_tokens=_whole(form, "max_tokens"),
        stream="yes" in form.every("stream"),
    )
    if sum(len(turn.text) for turn in talk.turns) + len(talk.system) > LONGEST_TEXT:
        raise Unacceptable(f"A conversation may have {LONGEST_TEXT:,} characters here.", param="message")
    body = orjson.dumps(dialect.write(talk), option=orjson.OPT_INDENT_2)
    path = dialect.path_of(talk)
    return Wish(path, model if "{model}" in path else "", body, message)


def _number(form: Form, name: str, most: float) -> float | None:
    text = form.text(name, 20)
    if not text:
        return None
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise Unacceptable(f"A number from 0 to {most:g}, or nothing.", param=name)
    return number


def _whole(form: Form, name: str) -> int | None:
    text = form.text(name, 20)
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= number <= MOST_TOKENS:
        raise Unacceptable("A whole number from 1 on, or nothing.", param=name)
    return number
