"""Answers that break: behind the first content one typed event ends the stream, and the official SDK of every client
raises it; before it another provider answers, or the client gets a status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.e2e.failing import Caller, Heard, calling, model_of, provider
from tests.e2e.pairs import MODELS, PAIRS
from tests.e2e.spoken import spoken
from tests.e2e.wire import events
from tests.gateway_process import CLIENT_KEY, GatewayProcess, running
from tests.providers import MockProcess

SECRET = "hush/0123456789+of=the.provider"

SETTINGS = f"""
[usage]
segment_seconds = 0.1

[stream]
idle_timeout_seconds = 0.25

[[client_keys]]
name = "tester"
key  = "{CLIENT_KEY}"
"""

COMBO = """
[[combos]]
name    = "{name}"
targets = ["{first}", "{second}"]
"""

NEXT = {"chat": "messages", "responses": "chat", "messages": "gemini", "gemini": "responses"}
"""Who is asked when a provider fails."""

BEFORE = {
    "error": ";errorevent=0",
    "busy": ";errorevent=0;overloaded",
    "cut": ";cut=0",
    "reset": ";reset=0",
    "garbage": ";garbage",
    "nothing": ";empty",
    "page": ";html;disguised",
    "object": ";disguised",
    "limit": ";status=429;disguised",
}
"""How a provider fails before it has said anything; all but the first two are the same in a plain answer."""

PLAIN = [name for name in BEFORE if name not in ("error", "busy")]

every_pair = pytest.mark.parametrize("pair", PAIRS, ids="-".join)


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The mock in four dialects, and each of them with another one behind it should it fail."""
    tables = [provider(name, mock.url, SECRET) for name in MODELS]
    for name in MODELS:
        second = model_of(NEXT[name], ";text=the%20second")
        tables += [
            COMBO.format(name=f"{name}-{how}", first=model_of(name, script), second=second)
            for how, script in BEFORE.items()
        ]
    with running(tmp_path_factory.mktemp("streams"), SETTINGS + "".join(tables)) as process:
        yield process.complete()
        assert process.close() == 0, process.tail()


@pytest.fixture(scope="module")
def callers(gateway: GatewayProcess) -> Iterator[dict[str, Caller]]:
    with calling(gateway.url, gateway.key) as made:
        yield made


# Behind the first content


class Broken(NamedTuple):
    """What each client's SDK is told of one way to break."""

    code: str
    """OpenAI's."""
    kind: str
    """Anthropic's type."""
    word: str
    """Google's status."""
    number: int
    """And its code."""


FAILED = Broken("upstream_error", "api_error", "INTERNAL", 502)
BUSY = Broken("overloaded", "overloaded_error", "UNAVAILABLE", 503)
SILENT = Broken("upstream_timeout", "timeout_error", "DEADLINE_EXCEEDED", 504)

BREAKS = {
    ";errorevent=3": FAILED,
    ";errorevent=3;overloaded": BUSY,
    ";cut=3": FAILED,
    ";reset=3": FAILED,
    ";stall=3": SILENT,
}
WORDS = ";chunks=6;text=one%20two%20three%20four%20five%20six"


def broken(pair: tuple[str, str], script: str) -> Broken:
    """What a client is to be told. OpenAI's chat has no word for being busy within a stream, its Responses one of their
    own; where bytes pass, the end of a connection is told as what it is."""
    told = BREAKS[script]
    if told is BUSY and pair[1] == "chat":
        return FAILED
    if told is BUSY and pair == ("chat", "responses"):
        return BUSY._replace(code="server_is_overloaded")
    if told is FAILED and pair[0] == pair[1]:
        return FAILED._replace(code="upstream_closed")
    return told


def check(heard: Heard, client: str, broken: Broken) -> None:
    """What came before was heard, and the SDK raised what came then."""
    assert heard.raised is not None, heard
    assert heard.text == "one two three "
    if client in ("chat", "responses"):
        assert heard.kind == "APIError"
        assert (heard.error["type"], heard.error["code"]) == ("server_error", broken.code)
    elif client == "messages":
        assert (heard.kind, heard.status) == ("APIStatusError", 200)
        assert heard.error["type"] == broken.kind
    else:
        assert (heard.kind, heard.status) == ("ServerError", broken.number)
        assert heard.error["status"] == broken.word


@every_pair
@pytest.mark.parametrize("script", BREAKS)
def test_a_stream_that_breaks_is_raised_behind_what_was_said(
    callers: dict[str, Caller], pair: tuple[str, str], script: str
) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], WORDS + script), stream=True)
    if pair[0] == pair[1] and "errorevent" in script:
        assert (heard.text, heard.kind in KINDS) == ("one two three ", True)  # the provider's own event
    else:
        check(heard, pair[0], broken(pair, script))


KINDS = ("APIError", "APIStatusError", "ServerError")


@every_pair
def test_a_stream_without_an_end_is_no_answer(callers: dict[str, Caller], pair: tuple[str, str]) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], WORDS + ";nodone"), stream=True)
    assert heard.text.strip() == "one two three four five six"
    if pair[1] == "chat":
        assert heard.raised is None  # only `[DONE]` is missing: the reason of the end has been given
    else:
        assert heard.kind in KINDS


ENDS = {
    "chat": ("[DONE]", '"finish_reason":"'),
    "responses": ("response.completed", "response.incomplete"),
    "messages": ("message_delta", "message_stop"),
    "gemini": ("finishReason",),
}


@every_pair
@pytest.mark.parametrize("script", [";errorevent=3", ";cut=3"])
async def test_nothing_follows_the_one_event_that_says_so(
    gateway: GatewayProcess, pair: tuple[str, str], script: str
) -> None:
    told = [data.decode() for data in events(await spoken(gateway.port, pair[0], model_of(pair[1], WORDS + script)))]
    failed = [json.loads(data) for data in told if (json.loads(data).get("response") or json.loads(data)).get("error")]
    if pair[0] == "responses":
        assert [event["type"] for event in failed] == ["error", "response.failed"]
    assert [json.dumps(event) for event in failed] == [json.dumps(json.loads(data)) for data in told[-len(failed) :]]
    assert len(failed) == (2 if pair[0] == "responses" else 1)
    if pair[0] == "responses" and pair[1] != "responses":
        assert [json.loads(data)["sequence_number"] for data in told] == list(range(len(told)))
    if pair[0] == "gemini":
        assert told[-1].startswith('{"error":')
    assert not [end for end in ENDS[pair[0]] if any(end in data for data in told)]


# Before it

RAISED = {
    "chat": "InternalServerError",
    "responses": "InternalServerError",
    "messages": "InternalServerError",
    "gemini": "ServerError",
}


def check_refused(heard: Heard, pair: tuple[str, str], how: str) -> None:
    """Nothing had been said, so it was a whole error with a status."""
    raised, status = RAISED[pair[0]], 502
    if how == "limit":
        raised, status = "ClientError" if pair[0] == "gemini" else "RateLimitError", 429
    if how == "busy" and pair[1] != "chat":
        raised, status = ("OverloadedError", 529) if pair[0] == "messages" else (raised, 503)
    assert (heard.kind, heard.status, heard.text) == (raised, status, ""), heard


@every_pair
@pytest.mark.parametrize("how", BEFORE)
def test_a_stream_that_fails_before_it_says_anything_has_a_status(
    callers: dict[str, Caller], pair: tuple[str, str], how: str
) -> None:
    check_refused(callers[pair[0]].ask(model_of(pair[1], BEFORE[how]), stream=True), pair, how)


@every_pair
@pytest.mark.parametrize("how", PLAIN)
def test_an_answer_that_is_none_is_an_error(callers: dict[str, Caller], pair: tuple[str, str], how: str) -> None:
    check_refused(callers[pair[0]].ask(model_of(pair[1], BEFORE[how])), pair, how)


WAYS = [(how, False) for how in PLAIN] + [(how, True) for how in BEFORE]


@every_pair
@pytest.mark.parametrize(("how", "stream"), WAYS, ids=[f"{how}-{'stream' if each else 'whole'}" for how, each in WAYS])
def test_another_provider_answers_in_its_place(
    callers: dict[str, Caller], pair: tuple[str, str], how: str, stream: bool
) -> None:
    heard = callers[pair[0]].ask(f"{pair[1]}-{how}", stream=stream)
    assert (heard.raised, heard.text) == (None, "the second")
    assert heard.headers["x-sluicegate-attempts"] == "2"
    assert heard.headers["x-sluicegate-provider"] == NEXT[pair[1]]


# Secrets

QUOTING = [WORDS + ";errorevent=3;tattle", ";errorevent=0;tattle", ";disguised;tattle", ";status=400;disguised;tattle"]


@every_pair
@pytest.mark.parametrize("script", QUOTING)
def test_an_error_in_a_good_answer_tells_no_secret(
    callers: dict[str, Caller], pair: tuple[str, str], script: str
) -> None:
    heard = callers[pair[0]].ask(model_of(pair[1], script), stream=True)
    assert heard.raised is not None
    assert "Key ***: " in heard.message
    assert SECRET not in f"{heard.raised} {heard.error} {heard.headers}"
