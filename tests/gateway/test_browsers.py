"""What a browser is told with every answer, and the address under which it knows us."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.browsers import GUARDS, guarded, guarding, is_secure, origin_of
from gateway.settings.model import ServerSettings

SERVER = ServerSettings(listen="127.0.0.1:8080")


def test_nothing_inline_is_run_and_nobody_frames_us() -> None:
    policy = dict(GUARDS)[b"content-security-policy"].decode()
    said = dict(part.split(" ", 1) for part in policy.split("; "))
    assert "unsafe" not in policy
    assert {said[name] for name in ("default-src", "object-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert "*" not in policy


def test_what_an_answer_says_itself_stays() -> None:
    said = guarded([(b"Cache-Control", b"public"), (b"content-security-policy", b"sandbox")], secure=False)
    names = [name.lower() for name, _ in said]
    assert len(names) == len(set(names))
    assert dict(said)[b"content-security-policy"] == b"sandbox"
    assert b"no-store" not in dict(said).values()


@pytest.mark.parametrize("secure", [False, True])
def test_only_over_tls_browsers_are_told_to_stay_there(secure: bool) -> None:
    said = dict(guarded([], secure=secure))
    assert said.get(b"strict-transport-security") == (b"max-age=31536000" if secure else None)
    assert said[b"cache-control"] == b"no-store"
    assert said.items() >= dict(GUARDS).items()


async def test_only_heads_are_changed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    adding = guarding(send, secure=True)
    head = {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b")]}
    body = {"type": "http.response.body", "body": b"x"}
    await adding(head)
    await adding(body)
    assert sent == [head | {"headers": guarded([(b"x-a", b"b")], secure=True)}, body]
    assert head["headers"] == [(b"x-a", b"b")]


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({b"host": b"gate.example"}, "http://gate.example"),
        ({b"host": b"gate.example", b"x-sluicegate-host": b"outside.example:8443"}, "http://outside.example:8443"),
        ({b"host": b"gate.example", b"x-sluicegate-scheme": b"https"}, "https://gate.example"),
        ({b"host": b"gate.example", b"x-forwarded-proto": b"https"}, "http://gate.example"),
        ({b"host": b"[::1]:8080"}, "http://[::1]:8080"),
        ({b"host": b"<script>"}, "http://127.0.0.1:8080"),
        ({b"host": b"a.example\n"}, "http://127.0.0.1:8080"),
    ],
)
def test_a_browser_knows_us_by_what_the_worker_says(headers: dict[bytes, bytes], origin: str) -> None:
    assert origin_of(headers, SERVER) == origin


def test_the_public_address_wins() -> None:
    server = ServerSettings(public_url="https://llm.example.com/")
    assert origin_of({b"host": b"evil.example"}, server) == "https://llm.example.com"


def test_only_a_worker_says_that_it_was_tls() -> None:
    assert is_secure({b"x-sluicegate-scheme": b"https"})
    assert not is_secure({b"x-forwarded-proto": b"https"})
    assert not is_secure({b"x-sluicegate-scheme": b"http"})
