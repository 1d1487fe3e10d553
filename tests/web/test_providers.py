"""The list of providers: how each is doing, who says it, what could be added; whole, by its block, as a file."""

from __future__ import annotations

import csv
import html
import io
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec import structs

from gateway.catalog.presets import presets
from gateway.management import configuration, keys
from gateway.management.keys import KeyWish
from gateway.records import AttemptRecord
from tests.gateway.management.crowd import actor_of, add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.supplied import AUTH, FIRST, LIMITED, SPARE, Supplied, supplied
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, Person
from web.pages.providers import CUSTOM

MINUTE = 60_000_000
HOUR = 60 * MINUTE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def here(tmp_path: Path, store: Store) -> AsyncIterator[Supplied]:
    async with supplied(tmp_path, "http://127.0.0.1:9", store) as made:
        yield made


@pytest.fixture
async def owner(here: Supplied) -> Person:
    return await here.signed_in()


def ago(microseconds: int) -> int:
    return time.time_ns() // 1000 - microseconds


def tried(credential: str = "first", error: str | None = None, reason: str | None = None) -> AttemptRecord:
    return AttemptRecord("filed", "gpt", credential, 200 if error is None else 500, error, 1000, reason=reason)


def fill(store: Store) -> None:
    """Ten in the last hour, of which one failed; ten before, of which one failed through no fault of the provider."""
    for at in (10 * MINUTE, 5 * HOUR):
        for number in range(10):
            error, reason = ("e", "server" if at < HOUR else "bad_request") if number == 3 else (None, None)
            store.add(
                {
                    "started_at_us": ago(at),
                    "provider": "filed",
                    "model": "gpt",
                    "first_byte_us": 30_000,
                    "attempts": (tried(error=error, reason=reason),),
                }
            )


async def rows(owner: Person) -> dict[str, dict[str, str]]:
    """The table as a file, by provider."""
    answer = await owner.get("/providers?format=csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    return {row["provider"]: row for row in csv.DictReader(io.StringIO(answer.text))}


async def test_it_is_well_formed_empty_and_full_and_by_its_block(here: Supplied, owner: Person, store: Store) -> None:
    assert_well_formed((await owner.get("/providers")).text)
    fill(store)
    here.rest(FIRST, AUTH)
    page = await owner.get("/providers")
    assert_well_formed(page.text)
    block = await owner.get("/providers?block=lines")
    assert "<html" not in block.text
    assert_well_formed(block.text)
    assert "filed" in block.text
    for sort in ("name", "-late", "day", "-attempts", "p50", "nothing"):
        assert (await owner.get(f"/providers?sort={sort}")).status == 200


async def test_success_is_that_of_attempts_which_tell_of_the_provider(owner: Person, store: Store) -> None:
    fill(store)
    row = (await rows(owner))["filed"]
    assert (row["attempts_1h"], row["failed_attempts_1h"]) == ("10", "1")
    assert (row["attempts_24h"], row["failed_attempts_24h"]) == ("19", "1"), "a request's own fault is nobody else's"
    assert (row["state"], row["p50_first_byte_us_24h"]) == ("some failures", "30000")


async def test_what_rests_is_in_the_state(here: Supplied, owner: Person) -> None:
    here.rest(FIRST, AUTH)
    text = html.unescape((await owner.get("/providers")).text)
    assert "partly resting" in text
    assert "1 of 2" in text
    here.rest(SPARE, AUTH)
    assert (await rows(owner))["filed"]["state"] == "resting"


async def test_a_model_that_rests_is_told_apart(here: Supplied, owner: Person) -> None:
    here.rest(FIRST, LIMITED, "gpt")
    assert "1 model rests" in (await owner.get("/providers")).text


async def test_those_of_the_file_are_read_only_and_those_of_the_database_are_not(here: Supplied, owner: Person) -> None:
    values = {"id": "mine", "format": "anthropic", "base_url": "https://192.0.43.8"}
    await configuration.create_object(here.house.office, OPERATOR, "provider", values)
    await here.follow()
    found = await rows(owner)
    assert (found["filed"]["managed_by"], found["filed"]["origin"]) == ("file", "sluicegate.toml:3")
    assert (found["mine"]["managed_by"], found["mine"]["format"]) == ("database", "anthropic")
    text = (await owner.get("/providers")).text
    assert text.count(">read only<") == 1


async def test_one_that_is_paused_or_has_no_credential_says_so(here: Supplied, owner: Person) -> None:
    office = here.house.office
    await configuration.create_object(office, OPERATOR, "provider", {"id": "openai"})
    await here.follow()
    assert (await rows(owner))["openai"]["state"] == "no credential"
    secret = {"provider": "openai", "name": "main", "api_key": "sk-1", "paused": True}
    await configuration.create_object(office, OPERATOR, "credential", secret)
    await here.follow()
    assert (await rows(owner))["openai"]["state"] == "paused"
    assert "1 paused" in (await owner.get("/providers")).text


async def test_one_that_cannot_be_used_says_why(here: Supplied, owner: Person) -> None:
    office = here.house.office
    values = {"id": "mine", "format": "openai_chat", "base_url": "https://192.0.43.8/v1", "prefixes": ["quick"]}
    await configuration.create_object(office, OPERATOR, "provider", values)
    filed = structs.replace(office.declared.settings.providers[0], prefixes=("quick",))
    office.declared = replace(office.declared, settings=structs.replace(office.declared.settings, providers=(filed,)))
    await here.follow()
    text = html.unescape((await owner.get("/providers")).text)
    assert "left out" in text
    assert "leads to provider" in text
    page = await owner.get("/providers/mine")
    assert page.status == 200
    assert "It is left out" in page.text
    assert 'action="/providers/mine/probe"' not in page.text, "nobody can ask what is not in use"


async def test_what_the_catalogue_has_beside_those_is_offered(owner: Person) -> None:
    text = (await owner.get("/providers")).text
    for name in presets():
        assert f'href="/providers/-/{name}"' in text
    assert f'href="/providers/-/{CUSTOM}"' in text
    assert CUSTOM not in presets(), "it stands for none of them"


async def test_an_empty_configuration_says_what_to_do(here: Supplied, owner: Person) -> None:
    office = here.house.office
    office.declared = replace(office.declared, settings=structs.replace(office.declared.settings, providers=()))
    await here.follow()
    text = (await owner.get("/providers")).text
    assert "No provider is set up" in text
    assert "OPENAI_API_KEY" in text
    assert_well_formed(text)


@pytest.mark.parametrize("role", ["member", "viewer"])
async def test_whoever_may_only_look_is_offered_nothing_to_do(here: Supplied, role: str) -> None:
    person = await here.signed_in(role)
    for path in ("/providers", "/providers/filed", "/providers/filed/credentials/first"):
        page = await person.get(path)
        assert page.status == 200
        assert [where for where, _ in page.forms if where != "/logout"] == []
        assert "/providers/-/" not in page.text
    for path in ("/providers/-/openai", "/providers/filed/change", "/providers/filed/credentials"):
        assert (await person.get(path)).status == 403


async def test_members_see_what_came_of_their_own_requests_only(here: Supplied, store: Store) -> None:
    office = here.house.office
    mia = await actor_of(office, await add(office, "mia", "member", password=PASSWORD))
    made = await keys.create_key(office, mia, KeyWish(name="mias"))
    of_hers = {"key": "mias", "key_id": f"key:{made.key.id.removeprefix('key:')}"}
    fields = {"started_at_us": ago(5 * MINUTE), "provider": "filed", "model": "gpt"}
    store.add(
        {**fields, **of_hers, "attempts": (tried(),)}, {**fields, "attempts": (tried(error="e", reason="server"),)}
    )
    person = await here.house.signed_in("mia@example.com")
    row = (await rows(person))["filed"]
    assert (row["attempts_1h"], row["failed_attempts_1h"]) == ("1", "0")
    page = await person.get("/providers/filed")
    assert "those of your own keys" in page.text
    assert "none in 24 h" in page.text, "what failed was somebody else's"


@pytest.mark.parametrize("text", CORPUS)
async def test_what_strangers_wrote_is_text(here: Supplied, owner: Person, store: Store, text: str) -> None:
    values = {"id": "mine", "format": "openai_chat", "base_url": "https://192.0.43.8/v1", "drop_fields": [text]}
    await configuration.create_object(here.house.office, OPERATOR, "provider", values)
    await here.follow()
    failed = AttemptRecord("mine", text, "main", 500, text, 1000, rest_us=1, reason=text, rest_by=text)
    store.add({"started_at_us": ago(MINUTE), "provider": "mine", "model": text, "attempts": (failed,)})
    for path in ("/providers/mine", "/providers/mine/change"):
        page = await owner.get(path)
        assert page.status == 200
        assert_harmless(page.text)
        assert text in html.unescape(page.text)
    assert_harmless((await owner.get("/providers")).text)
    for path in ("/providers/{}", "/providers/-/{}", "/providers/mine/credentials/{}", "/providers?sort={}"):
        assert_harmless((await owner.get(path.format(quote(text, safe="")))).text)
