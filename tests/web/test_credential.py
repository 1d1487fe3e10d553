"""One credential: what is shown of it, and changing, pausing and deleting it; and the form for another one."""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.management import configuration
from gateway.management.configured import CredentialView
from gateway.records import AttemptRecord
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.supplied import FIRST, GPT, LIMITED, SECRET, Supplied, supplied
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import Person
from web.page import SAID

NEW = "/providers/filed/credentials"
OWN = f"{NEW}/own"
MINUTE = 60_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def here(tmp_path: Path, store: Store) -> AsyncIterator[Supplied]:
    async with supplied(tmp_path, "http://127.0.0.1:9", store) as made:
        values = {"provider": "filed", "name": "own", "api_key": SECRET, "headers": {"x-team": SECRET}, "weight": 4}
        await configuration.create_object(made.house.office, OPERATOR, "credential", values)
        await made.follow()
        yield made


@pytest.fixture
async def owner(here: Supplied) -> Person:
    return await here.signed_in()


async def view(here: Supplied, name: str = "filed/own") -> CredentialView:
    found = await configuration.get_object(here.house.office, OPERATOR, "credential", name)
    assert isinstance(found, CredentialView)
    return found


async def test_it_shows_how_it_is_doing_and_what_is_said_of_it(here: Supplied, owner: Person, store: Store) -> None:
    failed = AttemptRecord("filed", "gpt-4o-mini", "first", 429, "e", 9, rest_us=MINUTE, reason="rate_limit")
    fields = {"provider": "filed", "model": "gpt-4o-mini", "attempts": (failed,)}
    (cause,) = store.add({**fields, "started_at_us": time.time_ns() // 1000 - MINUTE})
    here.rest(FIRST, LIMITED, GPT.model)
    page = await owner.get(f"{NEW}/first")
    assert_well_formed(page.text)
    text = html.unescape(page.text)
    assert "partly resting" in text
    assert f'href="/requests/{cause}"' in text
    assert "429 from the provider; 1 min by the gateway's rules for failures" in text
    assert "sluicegate.toml:9: only there it can be changed" in text
    assert [where for where, _ in page.forms] == ["/logout"]
    own = html.unescape((await owner.get(OWN)).text)
    assert "the dashboard and the API" in own
    assert (await view(here)).fingerprints["api_key"] in own
    assert SECRET not in own


async def test_another_one_is_added(here: Supplied, owner: Person) -> None:
    page = await owner.get(NEW)
    assert_well_formed(page.text)
    sent = await owner.submit(
        NEW, name="new", api_key=SECRET, priority="-1", weight="2", models="a*", max_parallel="3", headers="x-a: 1"
    )
    assert sent.to == "/providers/filed?said=credential-added", html.unescape(sent.text)
    await here.follow()
    page = await owner.follow()
    assert SAID["credential-added"] in page.text
    made = await view(here, "filed/new")
    assert (made.priority, made.weight, made.models, made.max_parallel) == (-1, 2, ("a*",), 3)
    assert set(made.fingerprints) == {"api_key", "headers.x-a"}
    assert "Priority" in page.text, "there is one that is not as usual"


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"name": ""}, "name", "Give it a name"),
        ({"name": "not a name"}, "name", ""),
        ({"name": "own"}, "name", "There is a credential filed/own already"),
        ({"api_key": ""}, "api_key", "Give the secret"),
        ({"api_key": "a\nb"}, "api_key", "no header can carry"),
        ({"weight": "0"}, "weight", ""),
        ({"priority": "high"}, "priority", "no whole number"),
        ({"models": "a b?"}, "models", "the only wildcard"),
        ({"headers": "host: x"}, "headers", ""),
        ({"proxy": "http://10.0.0.1:1"}, "proxy", "10.0.0.1 is not a public address"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field(
    here: Supplied, owner: Person, typed: dict[str, str], field: str, words: str
) -> None:
    await owner.get(NEW)
    answer = await owner.submit(NEW, **{"name": "new", "api_key": SECRET, "models": "*", **typed})
    assert answer.status in (409, 422)
    assert_well_formed(answer.text)
    text = html.unescape(answer.text)
    said = text.partition(f'id="providers-{{id}}-credentials-{field}-wrong">')[2].partition("</p>")[0]
    assert said
    assert words in said
    assert SECRET not in text
    every = await configuration.list_objects(here.house.office, OPERATOR, "credential")
    assert len(every) == 3


async def test_the_name_of_one_of_the_file_is_taken(owner: Person) -> None:
    await owner.get(NEW)
    answer = await owner.submit(NEW, name="first", api_key=SECRET, models="*")
    assert answer.status == 409
    assert "is managed by sluicegate.toml:9" in answer.text


async def test_a_change_keeps_the_secret_that_is_not_typed(here: Supplied, owner: Person) -> None:
    before = await view(here)
    await owner.get(OWN)
    sent = await owner.submit(f"{OWN}/change", models="a*", weight="")
    assert sent.to == f"{OWN}?said=credential-changed", html.unescape(sent.text)
    after = await view(here)
    assert (after.models, after.weight, after.fingerprints) == (("a*",), 1, before.fingerprints)
    await owner.get(OWN)
    await owner.submit(f"{OWN}/change", models="", api_key="sk-another-one", without="x-team")
    replaced = await view(here)
    assert set(replaced.fingerprints) == {"api_key"}
    assert replaced.fingerprints["api_key"] != before.fingerprints["api_key"]


async def test_no_secret_follows_a_credential_to_another_proxy(here: Supplied, owner: Person) -> None:
    await owner.get(OWN)
    answer = await owner.submit(f"{OWN}/change", models="", proxy="http://192.0.43.9:3128")
    assert answer.status == 422
    assert "follows it to another proxy: give its secret and its headers anew" in html.unescape(answer.text)
    sent = await owner.submit(
        f"{OWN}/change", models="", proxy="http://192.0.43.9:3128", api_key=SECRET, headers="x-team: 2"
    )
    assert sent.status == 303
    assert "proxy" in (await view(here)).fingerprints
    page = await owner.get(OWN)
    assert "one of its own" in page.text
    await owner.submit(f"{OWN}/change", models="", without_proxy=("no", "yes"), api_key=SECRET, headers="x-team: 2")
    assert "proxy" not in (await view(here)).fingerprints


async def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(here: Supplied, owner: Person) -> None:
    await owner.get(OWN)
    which = ("credential", "filed/own")
    await configuration.change_object(here.house.office, OPERATOR, which, {"weight": 9}, None)  # type: ignore[arg-type]
    answer = await owner.submit(f"{OWN}/change", models="")
    assert answer.status == 412
    assert "has version 2 by now" in answer.text
    assert (await view(here)).weight == 9


async def test_it_is_paused_and_resumed(here: Supplied, owner: Person) -> None:
    await owner.get(OWN)
    sent = await owner.submit(f"{OWN}/pause")
    assert sent.to == f"{OWN}?said=credential-paused"
    assert (await view(here)).paused
    await here.follow()
    assert here.house.around.providers[0].credentials[2].models == ()
    assert '<span class="dot"></span>paused</span>' in (await owner.follow()).text
    sent = await owner.submit(f"{OWN}/resume")
    assert sent.to == f"{OWN}?said=credential-resumed"
    assert not (await view(here)).paused


async def test_it_is_deleted_once_its_name_is_typed(here: Supplied, owner: Person) -> None:
    await owner.get(OWN)
    answer = await owner.submit(f"{OWN}/delete", confirm="filed/own")
    assert answer.status == 422
    assert "Type own to delete it" in answer.text
    assert_well_formed(answer.text)
    sent = await owner.submit(f"{OWN}/delete", confirm="own")
    assert sent.to == "/providers/filed?said=credential-deleted"
    assert (await owner.get(OWN)).status == 404


async def test_what_the_file_says_is_not_changed_here(here: Supplied, owner: Person) -> None:
    csrf = (await owner.get(NEW)).form(NEW)["csrf"]
    for word in ("change", "pause", "resume", "delete"):
        answer = await owner.post(f"{NEW}/first/{word}", {"csrf": csrf, "confirm": "first", "models": ""})
        assert answer.status == 409
        assert "managed by sluicegate.toml:9" in answer.text


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_whoever_may_only_look_changes_nothing(here: Supplied, role: str) -> None:
    person = await here.signed_in(role)
    csrf = next(fields["csrf"] for _, fields in (await person.get("/account")).forms)
    fields = {"csrf": csrf, "confirm": "own", "name": "new", "api_key": SECRET}
    for path in (NEW, *(f"{OWN}/{word}" for word in ("change", "pause", "resume", "delete"))):
        assert (await person.post(path, fields)).status == 403
    assert (await view(here)).version == 1


async def test_a_secret_is_typed_over_nothing_that_others_can_read(here: Supplied) -> None:
    await here.signed_in()
    overheard = here.house.person(origin="http://gate.example")
    for path in ("/providers/-/openai", NEW, OWN, "/providers/filed/change"):
        answer = await overheard.get(path)
        assert answer.status == 403
        assert "Not over plain HTTP" in answer.text


@pytest.mark.parametrize("text", CORPUS)
async def test_what_was_typed_comes_back_as_text(owner: Person, text: str) -> None:
    await owner.get(NEW)
    fields = dict.fromkeys(("name", "models", "priority", "weight", "max_parallel", "headers", "proxy"), text)
    answer = await owner.submit(NEW, **fields, api_key=SECRET)
    assert answer.status == 422
    assert_harmless(answer.text)
