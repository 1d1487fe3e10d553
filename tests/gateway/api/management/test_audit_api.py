"""The audit log by API: what can be asked for, of the list and of the export alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import orjson
import pytest

from gateway.management.office import Actor, Change, Subject
from tests.gateway.management.offices import OPERATOR, office_in

from .served import Served

ADA = Actor(kind="token", name="Ada's laptop", id="token-1")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with office_in(tmp_path) as office:
        for who, action, subject in (
            (OPERATOR, "key.create", Subject("key", "k1", "App")),
            (ADA, "key.change", Subject("key", "k2", "batch")),
            (ADA, "keyring.open", Subject("team", "k1", "Rowers")),
        ):
            await office.change(who, partial(_note, action=action, subject=subject))
        yield Served(office)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["keyring.open", "key.change", "key.create"]),
        ("actor_kind=token", ["keyring.open", "key.change"]),
        ("actor=LAPTOP", ["keyring.open", "key.change"]),
        ("action=key", ["key.change", "key.create"]),
        ("action=key.change", ["key.change"]),
        ("target=app", ["key.create"]),
        ("target=k1", ["keyring.open", "key.create"]),
        ("target_kind=key&target_id=k2&actor_id=token-1", ["key.change"]),
        ("actor=nobody", []),
    ],
)
async def test_lists_and_exports_are_asked_for_alike(served: Served, query: str, found: list[str]) -> None:
    listed = (await served.ask("GET", f"/api/audit?{query}")).json()["items"]
    assert [entry["action"] for entry in listed] == found
    exported = (await served.ask("GET", f"/api/audit/export?{query}")).body
    assert [orjson.loads(line)["action"] for line in exported.splitlines()] == found


def _note(change: Change, *, action: str, subject: Subject) -> None:
    change.note(action, subject)


async def test_nobody_else_may(served: Served) -> None:
    for path in ("/api/audit", "/api/audit/export"):
        assert await served.refused("GET", path, who="member") == (403, "not_permitted")
