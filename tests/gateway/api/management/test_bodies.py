"""What was said is shown as text where it is text, and to nobody who may not see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.captures.places import folder_of, place_of
from gateway.captures.sealed import seal
from gateway.captures.writing import write_whole
from gateway.credentials.vault import Vault
from gateway.records.captures import Body, Capture, CapturedAnswer, CapturedAttempt, CapturedRequest
from gateway.unlock import make_captures_key
from tests.gateway.management.offices import office_in

from .served import Served

ID = "01a201cd-aa28-7977-8ca7-f6b69e9b7a76"

PATH = f"/api/usage/{ID}/bodies"

CAPTURE = Capture(
    ID,
    1_795_326_585_384_003,
    CapturedRequest("POST", "/v1/audio/speech", (("accept", "*/*"),), Body("grüße".encode()[:3], 7, cut=True)),
    (
        CapturedAttempt("p", "m", "c", error="upstream_unreachable"),
        CapturedAttempt(
            *("p", "m", "c"),
            CapturedRequest("POST", "https://p.example/v1/audio/speech", (), Body(size=7, same_as="request")),
            CapturedAnswer(200, (), Body(b"\xff\xfb\x90", 3)),
        ),
    ),
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with office_in(tmp_path) as office:
        key = await office.state.write(lambda session: make_captures_key(session, office.declared.settings))
        write_whole(place_of(folder_of(tmp_path), ID), seal(CAPTURE, Vault(key)))
        yield Served(office)


async def test_all_of_it_is_shown(served: Served) -> None:
    nothing: dict[str, Any] = {"text": None, "base64": None, "cut": False, "same_as": None}
    shown: dict[str, Any] = {
        "id": ID,
        "started_at": "2026-11-22T05:49:45.384003Z",
        "request": {
            "method": "POST",
            "url": "/v1/audio/speech",
            "headers": [{"name": "accept", "value": "*/*"}],
            "body": {**nothing, "text": "gr", "size": 7, "cut": True},
        },
        "attempts": [
            {
                "provider": "p",
                "model": "m",
                "credential": "c",
                "request": None,
                "answer": None,
                "error": "upstream_unreachable",
            },
            {
                "provider": "p",
                "model": "m",
                "credential": "c",
                "request": {
                    "method": "POST",
                    "url": "https://p.example/v1/audio/speech",
                    "headers": [],
                    "body": {**nothing, "size": 7, "same_as": "request"},
                },
                "answer": {"status": 200, "headers": [], "body": {**nothing, "base64": "//uQ", "size": 3}},
                "error": None,
            },
        ],
        "answer": None,
    }
    assert (await served.ask("GET", PATH)).json() == shown


@pytest.mark.parametrize("who", ["member", "viewer", "pending"])
async def test_only_those_see_it_who_look_after_the_gateway(served: Served, who: str) -> None:
    for method in ("GET", "DELETE"):
        assert await served.refused(method, PATH, who=who) == (403, "not_permitted")
    assert await served.refused("GET", PATH, who="nobody") == (401, "not_signed_in")
    assert (await served.ask("GET", PATH, who="admin")).status == 200


async def test_what_is_deleted_is_not_found(served: Served) -> None:
    assert (await served.ask("DELETE", PATH)).status == 204
    for method in ("GET", "DELETE"):
        assert await served.refused(method, PATH) == (404, "not_found")
    listed = (await served.ask("GET", "/api/audit?target_kind=request")).json()
    assert [(entry["action"], entry["target_id"]) for entry in listed["items"]] == [("bodies.delete", ID)]


async def test_what_cannot_be_read_is_told_with_the_reason(served: Served, tmp_path: Path) -> None:
    place_of(folder_of(tmp_path), ID).write_bytes(b"half")
    answer = await served.ask("GET", PATH)
    assert (answer.status, answer.json()["code"]) == (422, "unacceptable")
    assert "unknown shape" in answer.json()["detail"]
