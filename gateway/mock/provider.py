"""From a request to its answer: endpoint, key, document, script. Knows the tables, no format's fields and no socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson

from gateway.mock import multipart, openai
from gateway.mock.answers import Call, Document, Endpoint, Family, Refused, Reply
from gateway.mock.drafts import NUMBER_IN_DRAFT, Drafts, Played
from gateway.mock.endpoints import find, methods_of
from gateway.mock.ledger import Exchange, Ledger
from gateway.mock.requests import Incoming
from gateway.mock.script import PLAIN, BadScript, Script, read_script, split_model

HTML = b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>Bad gateway</h1><hr>mock</body></html>\n"


class Provider:
    """All mock providers of one process."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.ledger = ledger
        self._clock = clock
        self._drafts = Drafts()

    def play(self, exchange: Exchange) -> Played:
        """The answer to one request; a wrong request gets the provider's own error."""
        draft = self._drafts.find(exchange.request)
        if draft is not None:
            now = int(time.time())
            if draft.created != now:
                draft.write(self._find_and_answer(exchange, NUMBER_IN_DRAFT), now)
            return draft.read(exchange.number)
        played = self._find_and_answer(exchange, exchange.number)
        if exchange.tag is None:
            self._drafts.begin(exchange.request, played)
        return played

    def _find_and_answer(self, exchange: Exchange, number: int) -> Played:
        request = exchange.request
        method = "GET" if request.method == "HEAD" else request.method
        path = request.path.partition("?")[0]
        endpoint = find(method, path)
        if endpoint is None:
            return Played(_unknown(method, path), self._script(exchange, ""), openai.FAMILY)
        try:
            return self._answer(endpoint, exchange, number=number, path=path)
        except BadScript as error:
            return Played(_bad_script(error), PLAIN, endpoint.family)

    def _answer(self, endpoint: Endpoint, exchange: Exchange, *, number: int, path: str) -> Played:
        request, family = exchange.request, endpoint.family
        refusal = None
        document: Document = {}
        try:
            document = read_document(endpoint, request)
        except Refused as refused:
            refusal = refused.reply
        name = document.get("model")
        model, text = split_model(name) if isinstance(name, str) else ("", "")
        script = self._script(exchange, text)
        refusal = family.check_key(request.lookup) or _scripted(family, script, model) or refusal
        if refusal is not None:
            return Played(refusal, script, family)
        try:
            if endpoint.body != "none":
                _check_model(family, name, model)
            call = Call(number, path, document, model, script, int(time.time()), self._clock)
            return Played(endpoint.answer(call), script, family)
        except Refused as refused:
            return Played(refused.reply, script, family)

    def _script(self, exchange: Exchange, text: str) -> Script:
        """The model's script under the header's, filed under its tag."""
        lookup = exchange.request.lookup
        if b"x-mock" in lookup:
            text = f"{text};{lookup[b'x-mock'].decode('latin-1')}"
        script = read_script(text) if text else PLAIN
        tag = lookup[b"x-mock-tag"].decode("latin-1") if b"x-mock-tag" in lookup else script.tag
        if tag is None:
            return script
        turn = self.ledger.name(exchange, tag)
        return PLAIN if script.times is not None and turn > script.times else script


def read_document(endpoint: Endpoint, request: Incoming) -> Document:
    """The JSON object or the form of a request. Raises `Refused`."""
    if endpoint.body == "none":
        return {}
    if endpoint.body == "form":
        try:
            return multipart.read_form(request.lookup.get(b"content-type", b""), request.body)
        except multipart.NotAForm as error:
            raise openai.refuse(f"Could not parse multipart form: {error}") from None
    return _read_json(request.body)


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise openai.refuse("We could not parse the JSON body of your request. The API expects a JSON object.")
    return document


def _check_model(family: Family, name: object, model: str) -> None:
    if name is None or name == "":
        raise openai.refuse("you must provide a model parameter")
    if not isinstance(name, str):
        raise openai.refuse("Invalid type for 'model': expected a string.", param="model", code="invalid_type")
    if model.startswith("missing-"):
        raise Refused(family.write_error(404, model))


def _scripted(family: Family, script: Script, model: str) -> Reply | None:
    """The answer a script puts in place of the real one."""
    if not script.on_the_wire:
        return None
    if script.empty:
        return Reply(b"")
    if script.html:
        status = script.status or 502
        return Reply(HTML % status, status, b"text/html; charset=utf-8", _retry_after(script))
    if script.quota:
        return family.quota_exceeded()
    if script.status is not None:
        elsewhere = b"location: /elsewhere\r\n" if script.status < 400 else b""
        return family.write_error(script.status, model)._replace(headers=elsewhere + _retry_after(script))
    return None


def _retry_after(script: Script) -> bytes:
    if script.retry is None:
        return b""
    return b"retry-after: %d\r\nretry-after-ms: %d\r\n" % (-(-script.retry // 1), script.retry * 1000)


def _unknown(method: str, path: str) -> Reply:
    allowed = methods_of(path)
    if not allowed:
        return openai.error(404, f"Invalid URL ({method} {path})", kind="invalid_request_error")
    hint = f"Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)"
    refusal = openai.error(405, hint, kind="invalid_request_error")
    return refusal._replace(headers=b"allow: %b\r\n" % ", ".join(allowed).encode())


def _bad_script(error: BadScript) -> Reply:
    return openai.error(400, f"mock: {error}", kind="invalid_request_error", param="model", code="bad_script")
