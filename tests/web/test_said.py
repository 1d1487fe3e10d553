"""What was said in a request, on its page: who may read it, that nobody reads it unasked, how it is shown."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.captures.making import capture_of
from gateway.captures.places import folder_of, place_of
from gateway.captures.redaction import Redactor
from gateway.captures.sealed import seal
from gateway.captures.writing import write_whole
from gateway.credentials.vault import Vault
from gateway.management import audit
from gateway.management.audit import AuditFilter
from gateway.unlock import make_captures_key
from tests.gateway.captures.takes import flow, taken, tried
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


async def kept(
    house: House, store: Store, tmp_path: Path, most: int = 10_000, row: Mapping[str, Any] | None = None, **more: Any
) -> str:
    """The id of a request of which everything was kept."""
    (request_id,) = store.add({"captured": True, **(row or {})})
    office = house.office
    key = await office.state.write(lambda session: make_captures_key(session, office.declared.settings))
    made = capture_of(taken(id=request_id, **more), Redactor(), most)
    write_whole(place_of(folder_of(tmp_path), request_id), seal(made, Vault(key)))
    return request_id


async def looks(house: House) -> list[str]:
    entries = await audit.list_entries(
        house.office, OPERATOR, AuditFilter(target_kind="request"), after_id=None, limit=9
    )
    return [entry.action for entry in reversed(entries)]


async def test_nothing_is_read_before_somebody_asks(owner: Person, house: House, store: Store, tmp_path: Path) -> None:
    request_id = await kept(house, store, tmp_path)
    text = (await owner.get(f"/requests/{request_id}")).text
    assert_well_formed(text)
    assert f'href="/requests/{request_id}?bodies=show#bodies"' in text
    assert f'href="/playground?replay={request_id}"' in text
    assert await looks(house) == []
    shown = (await owner.get(f"/requests/{request_id}?bodies=show")).text
    assert_well_formed(shown)
    for said in ("The client asked", "anthropic/claude was sent", "anthropic/claude answered", "The client got"):
        assert said in shown
    assert "POST https://api.example.com/v1/messages" in shown
    assert "sk-client-key" not in shown
    assert "sk-ant-of-ours" not in shown
    assert await looks(house) == ["bodies.read"]


async def test_attempts_before_the_last_stand_below(owner: Person, house: House, store: Store, tmp_path: Path) -> None:
    tries = [
        tried(provider="first", status=500, answer=flow(b'{"error":"no"}'), error="server"),
        tried(provider="gone", status=0, answer=None, error="unreachable"),
        tried(answer=flow(b'event: ping\ndata: {"type":"ping"}\n\n')),
    ]
    request_id = await kept(house, store, tmp_path, tries=tries)
    shown = html.unescape((await owner.get(f"/requests/{request_id}?bodies=show")).text)
    at = [
        shown.index(said)
        for said in ("anthropic/claude answered", "Attempt 1: first/claude, server", "Attempt 2: gone")
    ]
    assert at == sorted(at)
    assert "gone/claude answered" not in shown
    assert "<b>ping</b>" in shown


async def test_the_same_body_is_said_to_be_the_same(owner: Person, house: House, store: Store, tmp_path: Path) -> None:
    same = b'{"model":"fast","n":1}'
    request_id = await kept(house, store, tmp_path, body=flow(same), tries=[tried(body=flow(same))])
    shown = (await owner.get(f"/requests/{request_id}?bodies=show")).text
    assert "The same as what the client asked." in shown
    assert shown.count("<b>n</b>") == 2


async def test_what_differs_is_marked_in_signs_and_words(
    owner: Person, house: House, store: Store, tmp_path: Path
) -> None:
    asked = b'{"model":"fast","seed":77,"messages":[{"role":"system","content":"Be brief."}]}'
    sent = b'{"model":"claude","max_tokens":99,"system":"Be brief.","messages":[]}'
    request_id = await kept(house, store, tmp_path, body=flow(asked), tries=[tried(body=flow(sent))])
    shown = (await owner.get(f"/requests/{request_id}?bodies=show")).text
    assert_well_formed(shown)
    text = " ".join(re.sub(r"<[^>]+>", " ", html.unescape(shown)).split())
    assert "2 only on the left, 1 with another value, 1 elsewhere, 1 only on the right" in text
    for said in (
        '≠ another value on the other side: model "fast"',
        '≠ another value on the other side: model "claude"',
        "\N{MINUS SIGN} only on this side: seed 77",
        "+ only on this side: max_tokens 99",
        "↔ moved: there it is messages[0].content: system",
        "messages[0].content on the right at system",
    ):
        assert said in text, said
    same = await kept(house, store, tmp_path, body=flow(sent), tries=[tried(body=flow(sent))])
    assert "Nothing differs." in (await owner.get(f"/requests/{same}?bodies=show")).text


async def test_a_line_to_copy_has_the_body_that_is_shown(
    owner: Person, house: House, store: Store, tmp_path: Path
) -> None:
    body = '{"model":"fast","messages":[{"role":"user","content":"It\'s late"}]}'
    request_id = await kept(house, store, tmp_path, body=flow(body.encode()))
    line = re.compile(r'<code id="curl">(.*?)</code>', re.DOTALL)
    for path, said in (("", "Hello"), ("?bodies=show", "It's late")):
        found = line.search((await owner.get(f"/requests/{request_id}{path}")).text)
        assert found is not None
        words = shlex.split(html.unescape(found[1]).replace("\\\n", ""))
        assert json.loads(words[-1])["messages"][0]["content"] == said
    long = await kept(house, store, tmp_path, most=1500, body=flow(b'{"model":"' + b"m" * 2000 + b'"}'))
    cut = line.search((await owner.get(f"/requests/{long}?bodies=show")).text)
    assert cut is not None
    assert "Hello" in cut[1]


async def test_what_is_cut_or_no_text_is_said(owner: Person, house: House, store: Store, tmp_path: Path) -> None:
    request_id = await kept(house, store, tmp_path, most=1500, body=flow(b'"' + "ä".encode() * 1000 + b'"'))
    assert "Only the beginning of 2,002 bytes is kept." in (await owner.get(f"/requests/{request_id}?bodies=show")).text
    other = await kept(house, store, tmp_path, answer=flow(b"\xff\xfe\x00"))
    assert "It is no text" in (await owner.get(f"/requests/{other}?bodies=show")).text


async def test_a_client_that_left_got_nothing(owner: Person, house: House, store: Store, tmp_path: Path) -> None:
    request_id = await kept(house, store, tmp_path, status=0, tries=[])
    shown = (await owner.get(f"/requests/{request_id}?bodies=show")).text
    assert "The client asked" in shown
    assert "The client got" not in shown


async def test_where_nothing_was_kept_it_says_how_to(owner: Person, house: House, store: Store) -> None:
    (request_id,) = store.add({"captured": False})
    shown = (await owner.get(f"/requests/{request_id}?bodies=show")).text
    assert_well_formed(shown)
    assert "Nothing of what was said in it was kept." in shown
    assert "capture.mode" in shown
    assert await looks(house) == []


async def test_what_is_gone_or_damaged_is_told(owner: Person, house: House, store: Store, tmp_path: Path) -> None:
    (request_id,) = store.add({"captured": True})
    assert "Nothing is kept here" in (await owner.get(f"/requests/{request_id}?bodies=show")).text
    damaged = await kept(house, store, tmp_path)
    place_of(folder_of(tmp_path), damaged).write_bytes(b"nonsense")
    assert "cannot be read" in (await owner.get(f"/requests/{damaged}?bodies=show")).text


async def test_it_can_be_deleted(owner: Person, house: House, store: Store, tmp_path: Path) -> None:
    request_id = await kept(house, store, tmp_path)
    await owner.get(f"/requests/{request_id}?bodies=show")
    answer = await owner.submit(f"/requests/{request_id}/delete-bodies")
    assert (answer.status, answer.to) == (303, f"/requests/{request_id}?said=bodies-deleted")
    assert "The captured bodies are deleted." in (await owner.follow()).text
    assert "Nothing is kept here" in (await owner.get(f"/requests/{request_id}?bodies=show")).text
    assert await looks(house) == ["bodies.read", "bodies.delete"]


async def test_others_see_nothing_of_it(house: House, store: Store, tmp_path: Path) -> None:
    request_id = await kept(house, store, tmp_path)
    await add(house.office, "vera", "viewer", password=PASSWORD)
    viewer = await house.signed_in("vera@example.com")
    text = (await viewer.get(f"/requests/{request_id}?bodies=show")).text
    assert "What was said" not in text
    assert "Replay" in text
    account = await viewer.get("/account")
    token = next(fields for _, fields in account.forms if fields)
    assert (await viewer.post(f"/requests/{request_id}/delete-bodies", token)).status == 403
    assert await looks(house) == []


@pytest.mark.parametrize("text", CORPUS)
async def test_what_strangers_said_is_text(
    owner: Person, house: House, store: Store, tmp_path: Path, text: str
) -> None:
    raw = text.encode()
    many = flow(b'{"messages":[{"role":"user","content":"' + raw.replace(b'"', b'\\"') + b'"}]}')
    stream = flow(b"event: " + raw + b"\ndata: " + raw + b"\n\n")
    headers = [(b"user-agent", raw.replace(b"\n", b" "))]
    request_id = await kept(
        house, store, tmp_path, body=many, headers=headers, tries=[tried(answer=stream, body=flow(raw * 50))]
    )
    shown = (await owner.get(f"/requests/{request_id}?bodies=show")).text
    assert_harmless(shown)
    assert_well_formed(shown)
