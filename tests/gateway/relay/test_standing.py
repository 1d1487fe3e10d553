"""Exchanges go by their keys as they are, and end when those no longer allow them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.access.keys import KeyRing
from gateway.access.tokens import digest
from gateway.errors import GatewayError
from gateway.records import ClientKey, Credential, IssuedKey, Target
from gateway.relay.exchange import Exchange
from gateway.relay.standing import review

NOW_US = 1_000
SECRET = b"secret"
KEY = ClientKey("team", id="key:1")
CHOSEN = SimpleNamespace(attempt=SimpleNamespace(target=Target("p", "m"), credential=Credential("p", "first", "s")))


class Running:
    """As much of an exchange as matters here."""

    def __init__(self, key: ClientKey | None = KEY, *, asked: bool = True, begun: bool = True) -> None:
        self.key, self.recorded, self.id = key, False, "id"
        self.endpoint = SimpleNamespace(path="/v1/messages")
        self.ask = SimpleNamespace(model="fast") if asked else None
        self.trials = [CHOSEN] if begun else []
        self.error: GatewayError | None = None
        self.left = False

    def cut(self, error: GatewayError) -> None:
        self.error = error

    def client_left(self) -> None:
        self.left = True


class Stuck(Running):
    """One whose end goes wrong."""

    def cut(self, error: GatewayError) -> None:
        raise RuntimeError("no words")


def ring(key: ClientKey | None = KEY) -> KeyRing:
    made = KeyRing(SECRET)
    if key is not None:
        made.update([IssuedKey(digest(b"sk", SECRET), key)])
    return made


def reviewed(running: Running, keys: KeyRing, *rotated: str) -> str | None:
    """The word for why it ended; None where it goes on."""
    cut = review([cast(Exchange, running)], keys, NOW_US, rotated)
    assert cut == (running.error is not None)
    return running.error.kind if running.error is not None else None


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, None),
        ({"models": ("fast",), "providers": ("p",), "credentials": ("p/first",), "endpoints": ("/v1/m*",)}, None),
        ({"paused": True}, "api_key_paused"),
        ({"expires_at_us": NOW_US}, "api_key_expired"),
        ({"expires_at_us": NOW_US + 1}, None),
        ({"endpoints": ("/v1/chat/*",)}, "endpoint_not_allowed"),
        ({"models": ("other",)}, "model_not_allowed"),
        ({"providers": ("q",)}, "model_not_allowed"),
        ({"credentials": ("p/spare",)}, "model_not_allowed"),
    ],
)
def test_it_goes_on_for_as_long_as_its_key_allows(changes: dict[str, Any], kind: str | None) -> None:
    running, now = Running(), replace(KEY, **changes)
    assert reviewed(running, ring(now)) == kind
    assert running.key is now, "nothing is decided by the old record after this"


def test_a_key_that_is_gone_or_goes_by_another_secret_ends_it() -> None:
    for keys, rotated in ((ring(None), ()), (ring(), ("key:1",))):
        running = Running()
        assert reviewed(running, keys, *rotated) == "api_key_revoked"
        assert running.key is KEY, "its record says whose it was"


def test_time_alone_may_end_it() -> None:
    key = replace(KEY, expires_at_us=NOW_US)
    assert reviewed(Running(key), ring(key)) == "api_key_expired"


@pytest.mark.parametrize(("asked", "begun"), [(False, False), (True, False)])
def test_before_anybody_was_asked_there_is_nothing_to_object_to(asked: bool, begun: bool) -> None:
    running = Running(asked=asked, begun=begun)
    narrow = replace(KEY, models=("other",))
    assert reviewed(running, ring(narrow)) is None
    assert running.key is narrow, "by which its targets are found"


def test_who_is_not_admitted_yet_or_is_over_is_left_alone() -> None:
    assert reviewed(Running(None), ring(None)) is None
    over = Running()
    over.recorded = True
    assert reviewed(over, ring(None)) is None


def test_one_that_cannot_be_ended_in_words_keeps_no_other_alive() -> None:
    stuck, other = Stuck(), Running()
    assert review([cast(Exchange, stuck), cast(Exchange, other)], ring(None), NOW_US) == 2
    assert stuck.left
    assert other.error is not None
