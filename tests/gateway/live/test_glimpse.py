"""What is told of an exchange that runs. That a real one has what is looked at here is shown end to end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.live.glimpse import BYTES_PER_TOKEN, Glimpses
from gateway.live.words import MOST_RUNNING, Glimpse
from gateway.records import ClientKey, Credential, Target
from gateway.relay.exchange import Exchange

KEY = ClientKey("team", id="key:1", user_id="u1", team_id="t1")
ASK = SimpleNamespace(model="fast", stream=True)


class Live:
    """As much of an exchange as is looked at."""

    def __init__(self, started_ns: int = 1, **changes: Any) -> None:
        self.id = f"id-{started_ns:06}"
        self.times = SimpleNamespace(started_ns=started_ns, started_at_us=started_ns, first_byte_us=None)
        self.key: ClientKey | None = None
        self.ask: SimpleNamespace | None = None
        self.endpoint = SimpleNamespace(path="/v1/messages", operation="generate")
        self.trials: list[Any] = []
        self.sink = SimpleNamespace(bytes_sent=0)
        self.is_streaming = self.recorded = self.gone = False
        self.said, self.looked = 0, 0
        vars(self).update(changes)

    def said_bytes(self) -> int:
        self.looked += 1
        return self.said


def trial(*, done: bool = False, translated: bool = False, name: str = "first") -> SimpleNamespace:
    attempt = SimpleNamespace(target=Target("mock", "gpt"), credential=Credential("mock", name, "secret"))
    future = SimpleNamespace(done=lambda: done)
    return SimpleNamespace(attempt=attempt, done=future, passage=SimpleNamespace(translated=translated))


def flowing(said: int, sent: int, **changes: Any) -> Live:
    """One whose answer flows."""
    live = Live(trials=[trial(**changes)], is_streaming=True, said=said)
    live.sink.bytes_sent = sent
    return live


def taken(glimpses: Glimpses, *live: Live) -> Glimpse:
    return glimpses.take([cast(Exchange, each) for each in live], 4)


def tokens(glimpses: Glimpses, live: Live) -> int:
    return taken(glimpses, live).running[0].output_tokens


def test_of_one_that_has_just_begun_there_is_little_to_tell() -> None:
    (running,) = taken(Glimpses(3), Live()).running
    assert (running.worker, running.endpoint, running.state, running.attempt) == (3, "/v1/messages", "waiting", 0)
    nothing = (running.key, running.key_id, running.requested_model, running.provider, running.model)
    assert nothing == (None,) * 5


def test_of_one_that_is_asked_for_everything_is_told_but_its_secret() -> None:
    glimpse = taken(Glimpses(0), Live(key=KEY, ask=ASK, trials=[trial(done=True), trial()]))
    (running,) = glimpse.running
    assert (running.key, running.key_id, running.user_id, running.team_id) == ("team", "key:1", "u1", "t1")
    assert (running.requested_model, running.stream, running.attempt) == ("fast", True, 2)
    assert (running.provider, running.model, running.credential) == ("mock", "gpt", "first")
    assert (glimpse.total, glimpse.streaming, glimpse.connections) == (1, 0, 4)
    assert "secret" not in repr(glimpse)


@pytest.mark.parametrize(
    ("live", "state"),
    [
        (Live(), "waiting"),
        (Live(trials=[trial()]), "asking"),
        (Live(trials=[trial(done=True)]), "waiting"),
        (Live(trials=[trial(done=True), trial()]), "asking"),
        (Live(trials=[trial()], is_streaming=True), "streaming"),
        (Live(trials=[trial()], is_streaming=True, recorded=True), "ending"),
        (Live(trials=[trial()], gone=True), "ending"),
    ],
)
def test_how_far_it_is(live: Live, state: str) -> None:
    assert taken(Glimpses(0), live).running[0].state == state


def test_of_many_the_newest_are_told_and_all_are_counted() -> None:
    glimpse = taken(Glimpses(0), *(Live(number) for number in range(MOST_RUNNING + 50)))
    assert (len(glimpse.running), glimpse.total) == (MOST_RUNNING, MOST_RUNNING + 50)
    assert [each.started_at_us for each in glimpse.running[:2]] == [MOST_RUNNING + 49, MOST_RUNNING + 48]


def test_names_that_clients_make_up_are_cut() -> None:
    (running,) = taken(Glimpses(0), Live(ask=SimpleNamespace(model="x" * 9000, stream=False))).running
    assert len(running.requested_model or "") == 400


def test_tokens_are_reckoned_by_the_share_of_text_in_what_flowed() -> None:
    glimpses, live = Glimpses(0), flowing(said=400, sent=4000)
    assert tokens(glimpses, live) == 400 // BYTES_PER_TOKEN
    live.sink.bytes_sent = 6000
    assert tokens(glimpses, live) == 600 // BYTES_PER_TOKEN
    assert live.looked == 1, "the bytes are looked at again when there are twice as many"
    live.sink.bytes_sent, live.said = 8000, 1600
    assert tokens(glimpses, live) == 1600 // BYTES_PER_TOKEN
    assert live.looked == 2


def test_what_was_told_once_is_never_taken_back() -> None:
    glimpses, live = Glimpses(0), flowing(said=400, sent=1000)
    assert tokens(glimpses, live) == 100
    live.sink.bytes_sent, live.said = 2000, 100
    assert tokens(glimpses, live) == 100


def test_a_translation_knows_how_much_it_has_read() -> None:
    glimpses, live = Glimpses(0), flowing(said=40, sent=1000, translated=True)
    assert tokens(glimpses, live) == 10
    live.sink.bytes_sent, live.said = 1100, 80
    assert tokens(glimpses, live) == 20


def test_where_nothing_of_it_is_text_nothing_is_reckoned() -> None:
    speech = flowing(said=9000, sent=9000)
    speech.endpoint.operation = "pass"
    whole = flowing(said=9000, sent=9000)
    whole.is_streaming = False
    assert [tokens(Glimpses(0), each) for each in (speech, whole)] == [0, 0]


def test_nothing_is_remembered_of_those_that_are_over() -> None:
    glimpses = Glimpses(0)
    taken(glimpses, flowing(said=400, sent=1000))
    assert len(glimpses._measured) == 1
    taken(glimpses)
    assert not glimpses._measured
