"""From a request to its answer: endpoint, key, document, script. Knows the tables, no format's fields and no socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson

from gateway.mock import multipart
from gateway.mock.answers import Call, Document, Endpoint, Family, Refused, Reply, Wrong, say_when_in_headers
from gateway.mock.drafts import NUMBER_IN_DRAFT, Drafts, Played
from gateway.mock.endpoints import family_of, find, methods_of, model_in
from gateway.mock.kept import Kept
from gateway.mock.ledger import Exchange, Ledger
from gateway.mock.requests import Incoming
from gateway.mock.script import PLAIN, BadScript, Script, read_script, split_model
from gateway.mock.telltale import repeat_key

HTML = b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>Bad gateway</h1><hr>mock</body></html>\n"


class Provider:
    """All mock providers of one process."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.ledger = ledger
        self._clock = clock
        self._drafts = Drafts()
        self._kept = Kept()

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
        path, _, query = request.path.partition("?")
        headers = _with_key(request.lookup, query)
        endpoint = find(method, path, headers)
        if endpoint is None:
            family = family_of(path, headers)
            return Played(_unknown(family, method, path), self._script(exchange, ""), family)
        family = endpoint.family
        try:
            played = self._answer(endpoint, exchange, number=number, headers=headers)
        except BadScript as error:
            played = Played(family.refuse(Wrong.BAD_SCRIPT, str(error)), PLAIN, family)
        if played.script.tattle:
            played = played._replace(answer=repeat_key(played.answer, headers, disguised=played.script.disguised))
        if isinstance(played.answer, Reply) and played.answer.status >= 300:
            return played._replace(answer=family.finish(played.answer, number, request.path))
        return played

    def _answer(self, endpoint: Endpoint, exchange: Exchange, *, number: int, headers: Mapping[bytes, bytes]) -> Played:
        request, family = exchange.request, endpoint.family
        refusal = None
        document: Document = {}
        try:
            document = read_document(endpoint, request)
        except Refused as refused:
            refusal = refused.reply
        path, _, query = request.path.partition("?")
        name = model_in(endpoint, path) or document.get("model")
        model, text = split_model(name) if isinstance(name, str) else ("", "")
        script = self._script(exchange, text)
        refusal = family.check_key(headers) or _scripted(family, script, model) or refusal
        if refusal is not None:
            return Played(refusal, script, family)
        try:
            if endpoint.body != "none":
                _check_model(family, name, model)
            now = int(time.time())
            call = Call(number, path, document, model, script, now, self._clock, query, headers, self._kept)
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
            raise Refused(endpoint.family.refuse(Wrong.NOT_A_FORM, str(error))) from None
    return _read_json(endpoint.family, request.body)


def _read_json(family: Family, body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise Refused(family.refuse(Wrong.NOT_JSON, ""))
    return document


def _with_key(headers: Mapping[bytes, bytes], query: str) -> Mapping[bytes, bytes]:
    """The headers, with a key that came in the query, as Google allows, where it would be as a header."""
    if "key=" not in query:
        return headers
    key = parse_qs(query).get("key", [""])[0]
    return {b"x-goog-api-key": key.encode(), **headers} if key else headers


def _check_model(family: Family, name: object, model: str) -> None:
    if name is None or name == "":
        raise Refused(family.refuse(Wrong.NO_MODEL, ""))
    if not isinstance(name, str):
        raise Refused(family.refuse(Wrong.NOT_A_MODEL, ""))
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
        page = Reply(HTML % status, 200 if script.disguised else status, b"text/html; charset=utf-8")
        return page if script.retry is None else say_when_in_headers(page, script.retry)
    if script.quota:
        return _as_told(family.quota_exceeded(), script)
    if script.toolong:
        return _as_told(family.too_long(), script)
    wanted = family.overloaded if script.overloaded and script.errorevent is None else script.status
    if wanted is None and script.disguised:
        wanted = 500
    return None if wanted is None else _scripted_status(family, script, status=wanted, model=model)


def _as_told(refusal: Reply, script: Script) -> Reply:
    return refusal._replace(status=200) if script.disguised else refusal


def _scripted_status(family: Family, script: Script, *, status: int, model: str) -> Reply:
    elsewhere = b"location: /elsewhere\r\n" if status < 400 else b""
    refusal = _as_told(family.write_error(status, model)._replace(headers=elsewhere), script)
    return refusal if script.retry is None else family.say_when(refusal, script.retry)


def _unknown(family: Family, method: str, path: str) -> Reply:
    allowed = methods_of(path)
    if not allowed:
        return family.refuse(Wrong.UNKNOWN_PATH, f"{method} {path}")
    refusal = family.refuse(Wrong.WRONG_METHOD, f"{method} on {path}")
    return refusal._replace(headers=b"allow: %b\r\n" % ", ".join(allowed).encode())
