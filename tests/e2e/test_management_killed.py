"""The control process killed at any moment: a change is whole or was never made, and what was acknowledged holds."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
import pytest

from tests.e2e.conforming import check_problem
from tests.e2e.people import People, bearer, live
from tests.e2e.wire import CHAT, chat_body
from tests.providers import MockProcess
from tests.waiting import until

KILLS = 3
"""The supervisor waits longer after each, which makes many of them slow."""

HANDS = 6

LOST = (httpx.TransportError,)
"""What a client may see of a kill, besides a refusal."""


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("killed"), mock.url, workers=2) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def kill(people: People) -> None:
    """The control process is gone."""
    gateway = people.gateway
    victim = until(gateway.control, 15)
    assert victim
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in gateway.pids())


def recover(people: People) -> None:
    """Another one answers, as somebody who asks for the first time sees it."""

    def answers() -> bool:
        with httpx.Client(base_url=people.gateway.url, trust_env=False) as client:
            return client.get("/api/openapi.json").status_code == 200

    until(answers, 15)


def works(people: People, secret: str) -> set[int]:
    """What workers answer to a request with this key."""
    headers = {**bearer(secret), "content-type": "application/json", "connection": "close"}
    answers = (people.client.post(CHAT, content=chat_body("gpt"), headers=headers) for _ in range(4))
    return {answer.status_code for answer in answers}


def everything(people: People, path: str) -> list[dict[str, Any]]:
    """All items of a list."""
    items: list[dict[str, Any]] = []
    target: str | None = path
    while target is not None:
        answer = people.ask("owner", "GET", target)
        items += answer.json()["items"]
        target = answer.links.get("next", {}).get("url")
    return items


class Hands:
    """Some who make keys one after another, until they are told to stop."""

    def __init__(self, people: People) -> None:
        self._people, self._stop, self._numbers = people, threading.Event(), count()
        self.acknowledged: dict[str, str] = {}
        """Secrets by id."""
        self.refused = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """They work while the block runs."""
        with ThreadPoolExecutor(HANDS) as threads:
            working = [threads.submit(self._work) for _ in range(HANDS)]
            try:
                yield
            finally:
                self._stop.set()
        for each in working:
            each.result()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self._people.ask("owner", "POST", "/api/keys", {"name": f"whole-{next(self._numbers)}"})
            except LOST:
                self.refused += 1
                continue
            if answer.status_code == 201:
                made = answer.json()
                self.acknowledged[made["key"]["id"]] = made["secret"]
                continue
            check_problem(answer)
            assert answer.status_code == 503, answer.text
            self.refused += 1
            self._stop.wait(0.02)


def test_a_change_is_whole_or_was_never_made(everybody: People) -> None:
    hands = Hands(everybody)
    with hands.at_work():
        for _ in range(KILLS):
            before = len(hands.acknowledged)
            until(lambda before=before: len(hands.acknowledged) > before + 10, 20)  # type: ignore[misc]
            kill(everybody)
    recover(everybody)
    assert hands.refused, "nobody was hit"
    there = {each["id"] for each in everything(everybody, "/api/keys?limit=200&search=whole-")}
    noted = everything(everybody, "/api/audit?limit=200&action=key.create")
    remembered = [entry["target_id"] for entry in noted if entry["target_name"].startswith("whole-")]
    assert hands.acknowledged.keys() <= there, "what was acknowledged is kept"
    assert sorted(remembered) == sorted(there), "each with one entry in the audit log, and no entry without a key"
    newest = list(hands.acknowledged.values())[-HANDS:]
    assert {status for secret in newest for status in works(everybody, secret)} == {200}


def test_what_was_acknowledged_holds_while_it_is_away(everybody: People) -> None:
    """And whoever repeats a request afterwards gets the answer of before."""
    again = {"idempotency-key": "through-a-kill"}
    lost, of_the_lost = everybody.new_key("owner", name="lost")
    assert everybody.remove("owner", f"/api/keys/{lost}").status_code == 200
    first = everybody.ask("owner", "POST", "/api/keys", {"name": "kept"}, again)
    kill(everybody)
    assert (works(everybody, first.json()["secret"]), works(everybody, of_the_lost)) == ({200}, {401})
    answer = everybody.ask("owner", "GET", "/api/keys")
    if answer.status_code != 200:  # it may be back by now
        assert (answer.status_code, answer.json()["code"]) == (503, "control_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        check_problem(answer)
    recover(everybody)
    second = everybody.ask("owner", "POST", "/api/keys", {"name": "kept"}, again)
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["idempotency-replayed"] == "true"
    assert everybody.get("owner", f"/api/keys/{lost}")["status"] == "revoked"


@pytest.mark.parametrize("moment", [1, 3])
def test_whoever_repeats_through_a_kill_makes_one_at_most(everybody: People, moment: int) -> None:
    name = f"persistent-{moment}"

    def ask() -> int:
        try:
            answer = everybody.ask("owner", "POST", "/api/keys", {"name": name}, {"idempotency-key": name})
        except LOST:
            return 0
        return answer.status_code

    with ThreadPoolExecutor(1) as hand:
        first = hand.submit(ask)
        threading.Event().wait(moment * 0.002)
        kill(everybody)
        assert first.result() in (0, 201, 503)
    recover(everybody)
    # 409: it was begun, and whether it was carried out nobody can say before it counts as abandoned.
    said = until(lambda: [status for status in (ask(),) if status in (201, 409)], 10)[0]
    made = everything(everybody, f"/api/keys?search={name}")
    assert len(made) == 1 if said == 201 else len(made) <= 1
