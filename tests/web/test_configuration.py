"""The configuration on pages: settings with who said them, objects with versions, changes, reading the file again."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.leash import Looked, ReloadOutcome
from gateway.management import configuration
from gateway.management.office import Subject
from gateway.settings.model import Settings
from gateway.settings.objects import (
    AliasSettings,
    ClientKeySettings,
    CredentialSettings,
    ProviderSettings,
)
from gateway.settings.stored import SETTINGS
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in

SECRET = "sk-canary-of-the-configuration"

ORIGINS = {
    "server.drain_seconds": "sluicegate.toml:4",
    "server.log_level": "SLUICEGATE_SERVER__LOG_LEVEL",
    "server.workers": "--workers",
    "providers.mock": "sluicegate.toml:12",
    "credentials.mock/a": "environment variable MOCK_API_KEY",
    "aliases.fast": "sluicegate.toml:30",
}

PAGES = ("/configuration", "/configuration/objects", "/configuration/changes")


def said_by(settings: Settings) -> Settings:
    """Settings as somebody has them who says a few."""
    provider = ProviderSettings(
        id="mock",
        format="openai_chat",
        base_url="http://127.0.0.1:9/v1",
        credentials=(CredentialSettings(name="a", api_key=SECRET),),
    )
    server = structs.replace(settings.server, drain_seconds=7.0, log_level="debug", workers=2)
    return structs.replace(
        settings,
        server=server,
        providers=(provider,),
        aliases=(AliasSettings("fast", "mock/gpt-4o"),),
        client_keys=(ClientKeySettings(name="team", key=SECRET),),
    )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as made:
        said = made.office.declared
        made.office.declared = replace(said, settings=said_by(said.settings), origins=ORIGINS)
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    return await signed_in(house, "olga", "owner")


async def signed_in(house: House, name: str, role: Any) -> Person:
    await add(house.office, name, role, password=PASSWORD)
    return await house.signed_in(f"{name}@example.com")


async def shown(person: Person, path: str) -> str:
    answer = await person.get(path)
    assert answer.status == 200, answer.text
    assert_well_formed(answer.text)
    assert SECRET not in answer.text
    return html.unescape(answer.text)


def row_of(text: str, path: str) -> str:
    """The row of a setting."""
    return text.partition(f'<tr id="{path}">')[2].partition("</tr>")[0]


async def test_every_setting_is_there_with_who_said_it(owner: Person) -> None:
    text = await shown(owner, "/configuration")
    assert [path for path in SETTINGS if f'<tr id="{path}">' not in text] == []
    assert f"{len(SETTINGS)} of {len(SETTINGS)} settings" in text
    drain = row_of(text, "server.drain_seconds")
    for part in ("7.0", "30.0", "sluicegate.toml:4", "After SIGTERM", 'class="strong"'):
        assert part in drain, part
    assert "SLUICEGATE_SERVER__LOG_LEVEL" in row_of(text, "server.log_level")
    assert ">start<" in row_of(text, "server.workers")
    assert ">start<" not in drain
    assert ">default<" in row_of(text, "stream.keepalive_seconds")
    assert "Not for the database" in row_of(text, "network.allow")


async def test_what_the_database_says_is_told_and_what_of_it_does_not_count(owner: Person, house: House) -> None:
    for path, value in (("stream.keepalive_seconds", 3.0), ("rests.first_seconds", 5.0)):
        await configuration.set_value(house.office, OPERATOR, path, value, None)
    declared = house.office.declared
    origins = {**ORIGINS, "rests.first_seconds": "sluicegate.toml:50"}
    house.office.declared = replace(declared, origins=origins)
    text = await shown(owner, "/configuration")
    assert "database" in row_of(text, "stream.keepalive_seconds")
    assert "3.0" in row_of(text, "stream.keepalive_seconds")
    assert "which does not count" in row_of(text, "rests.first_seconds")
    assert "sluicegate.toml:50" in row_of(text, "rests.first_seconds")


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ("search=keep-alive", "stream.keepalive_seconds", "server.listen"),
        ("search=SIGTERM+running", "server.drain_seconds", "server.listen"),
        ("origin=environment", "server.log_level", "server.drain_seconds"),
        ("origin=command+line", "server.workers", "server.drain_seconds"),
        ("origin=default", "stream.keepalive_seconds", "server.workers"),
        ("differs=yes", "server.drain_seconds", "stream.keepalive_seconds"),
        ("when=start", "server.workers", "server.drain_seconds"),
        ("when=now", "server.drain_seconds", "server.workers"),
    ],
)
async def test_settings_are_found(owner: Person, query: str, there: str, gone: str) -> None:
    text = await shown(owner, f"/configuration?{query}")
    assert f'<tr id="{there}">' in text
    assert f'<tr id="{gone}">' not in text
    assert 'class="chips"' in text


async def test_what_is_not_found_or_not_understood_is_said(owner: Person) -> None:
    assert "No setting is like that." in await shown(owner, "/configuration?search=nothing-of-the-kind")
    text = await shown(owner, "/configuration?origin=somebody&when=never&differs=maybe")
    assert "Not understood, and left out: Said by, Default, Takes effect." in text
    assert '<tr id="server.listen">' in text


async def test_settings_come_as_a_file(owner: Person) -> None:
    answer = await owner.get("/configuration?format=csv&origin=file")
    assert answer.headers["content-disposition"] == 'attachment; filename="settings.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["setting"], row["value"], row["default"]) == ("server.drain_seconds", "7.0", "30.0")
    assert (row["said_by"], row["where"], row["changes"]) == ("file", "sluicegate.toml:4", "at once")


async def test_secrets_are_fingerprints(owner: Person, house: House) -> None:
    await configuration.set_value(
        house.office,
        OPERATOR,
        "alerts.webhooks",
        [{"name": "ops", "url": f"https://9.9.9.9/{SECRET}", "format": "slack"}],
        None,
    )
    text = await shown(owner, "/configuration?search=alerts.webhooks")
    assert "secret" in row_of(text, "alerts.webhooks")
    assert "ops" in row_of(text, "alerts.webhooks")
    assert SECRET not in (await owner.get("/configuration?format=csv")).text
    assert SECRET not in await shown(owner, "/configuration/changes")


async def test_how_the_file_was_read_is_told(owner: Person, house: House) -> None:
    assert "not known yet" in await shown(owner, "/configuration")
    house.around.reloads.last = ReloadOutcome(
        generation=4, at_us=1_763_000_000_000_000, children={"worker-0": "applied"}, waiting=("server.workers",)
    )
    text = await shown(owner, "/configuration")
    for part in ("generation 4", "worker-0 goes by it", "Waits for the next start", 'href="#server.workers"'):
        assert part in text, part
    house.around.reloads.last = ReloadOutcome(generation=4, at_us=1_763_000_000_000_000, error="a.toml:3: no <b>")
    text = (await owner.get("/configuration")).text
    assert "and refused: the settings before it stay" in text
    assert "a.toml:3: no &lt;b&gt;" in text


async def test_the_file_is_read_again_when_somebody_says_so(owner: Person, house: House) -> None:
    house.around.reloads.last = ReloadOutcome(generation=5, at_us=1_763_000_000_000_000)
    await owner.get("/configuration")
    assert (await owner.submit("/configuration/reload")).status == 303
    assert "is in force in every process" in (await owner.follow()).text
    house.around.reloads.last = ReloadOutcome(generation=5, at_us=1_763_000_000_000_000, error="a.toml:3: no")
    await owner.get("/configuration")
    assert (await owner.submit("/configuration/reload")).status == 303
    text = (await owner.follow()).text
    assert "is refused, and nothing has changed" in text
    assert "a.toml:3: no" in text
    assert house.around.reloads.asked == 2
    house.around.reloads.last = None
    assert (await owner.submit("/configuration/reload")).status in (404, 503)


async def test_a_supervisor_that_does_not_answer_is_said(owner: Person) -> None:
    await owner.get("/configuration")
    for answer in (await owner.submit("/configuration/reload"), await owner.get("/configuration?file=compare")):
        assert answer.status == 503
        assert "The supervisor does not answer." in answer.text


async def test_what_the_file_would_change_is_told_before_it_is_read(owner: Person, house: House) -> None:
    held = house.office.declared.settings
    reloads = house.around.reloads
    reloads.looked = Looked(ticket="t", settings=held)
    assert "Nothing would change" in await shown(owner, "/configuration?file=compare")
    changed = structs.replace(
        held,
        server=structs.replace(held.server, drain_seconds=9.0),
        aliases=(AliasSettings("slow", "mock/gpt-4o"),),
        client_keys=(ClientKeySettings(name="team", key=f"{SECRET}-2"),),
    )
    reloads.looked = Looked(
        ticket="t", settings=changed, origins={"aliases.slow": "sluicegate.toml:31"}, waiting=("server.workers",)
    )
    text = await shown(owner, "/configuration?file=compare")
    ahead = text.partition("If it were reloaded now")[2].partition("</section>")[0]
    for part in (
        "<del>7.0</del>",
        "<ins>9.0</ins>",
        "sluicegate.toml:31",
        "client key <code>team</code>",
        "gone",
        "new",
    ):
        assert part in ahead, part
    assert "With the next start: <code>server.workers</code>" in ahead
    assert SECRET not in ahead
    reloads.looked = Looked(ticket="t", error="a.toml:3: unknown key")
    text = await shown(owner, "/configuration?file=compare")
    assert "It would be refused" in text
    assert "a.toml:3: unknown key" in text


async def test_objects_of_file_and_database_have_their_versions(owner: Person, house: House) -> None:
    await configuration.create_object(house.office, OPERATOR, "alias", {"name": "cheap", "target": "mock/mini"})
    text = await shown(owner, "/configuration/objects")
    for part in ("mock/a", "environment variable MOCK_API_KEY", "sluicegate.toml:30", "cheap", "database", "in force"):
        assert part in text, part
    assert 'href="/providers/mock"' in text
    only = await shown(owner, "/configuration/objects?kind=alias&origin=database")
    assert "cheap" in only
    assert ">fast</a>" not in only
    assert "Nothing is like that." in await shown(owner, "/configuration/objects?search=nothing")
    assert "Not understood, and left out: Kind." in await shown(owner, "/configuration/objects?kind=thing")


async def test_an_object_that_is_left_out_says_why(owner: Person, house: House) -> None:
    await configuration.create_object(house.office, OPERATOR, "alias", {"name": "cheap", "target": "mock/mini"})
    declared = house.office.declared
    settings = structs.replace(declared.settings, aliases=(AliasSettings("cheap", "mock/gpt-4o"),))
    house.office.declared = replace(
        declared, settings=settings, origins={**ORIGINS, "aliases.cheap": "sluicegate.toml:9"}
    )
    text = await shown(owner, "/configuration/objects?search=cheap")
    assert "hidden" in text
    assert "and wins" in text


async def test_nothing_configured_says_what_to_do(tmp_path: Path) -> None:
    async with house_in(tmp_path) as house:
        person = await signed_in(house, "olga", "owner")
        assert "Nothing is configured yet." in await shown(person, "/configuration/objects")
        assert "Nobody has changed anything" in await shown(person, "/configuration/changes")


async def test_changes_say_who_and_what_was_before(owner: Person, house: House) -> None:
    for value in (3.0, 4.0):
        await configuration.set_value(house.office, OPERATOR, "stream.keepalive_seconds", value, None)
    await configuration.create_object(house.office, OPERATOR, "alias", {"name": "cheap", "target": "mock/mini"})
    probe = Subject("provider", "mock", "probed-and-as-it-was")
    await house.office.change(OPERATOR, lambda change: change.note("provider.test", probe, after={"ok": True}))
    text = await shown(owner, "/configuration/changes")
    assert "probed-and-as-it-was" not in text
    assert 'href="/configuration#stream.keepalive_seconds"' in text
    for part in ("operator", "stream.keepalive_seconds", "<del>3.0</del>", "<ins>4.0</ins>", "mock/mini", "made"):
        assert part in text, part
    assert text.index("cheap") < text.index("<del>3.0</del>")
    assert "There are no older changes." in await shown(owner, "/configuration/changes?before=0")


async def test_there_is_more_than_one_page_of_changes(owner: Person, house: House) -> None:
    for value in range(1, 33):
        await configuration.set_value(house.office, OPERATOR, "stream.keepalive_seconds", float(value), None)
    text = await shown(owner, "/configuration/changes")
    older = text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    assert "<ins>32.0</ins>" in text
    assert "<ins>1.0</ins>" not in text
    assert "<ins>1.0</ins>" in await shown(owner, older)


@pytest.mark.parametrize("role", ["member", "viewer"])
async def test_whoever_looks_around_sees_settings_and_may_do_nothing(house: House, role: str) -> None:
    person = await signed_in(house, role, role)
    text = await shown(person, "/configuration")
    for hidden in ("The configuration file</h2>", "Reload now", "/configuration/changes"):
        assert hidden not in text
    assert (await person.get("/configuration?file=compare")).status == 200
    assert (await person.get("/configuration/objects")).status == 200
    assert (await person.get("/configuration/changes")).status == 403
    form = {"csrf": (await person.get("/account")).forms[0][1]["csrf"]}
    assert (await person.post("/configuration/reload", form)).status == 403
    assert house.around.reloads.asked == 0


@pytest.mark.parametrize("text", CORPUS)
async def test_hostile_text_is_text(owner: Person, house: House, text: str) -> None:
    declared = house.office.declared
    settings = structs.replace(
        declared.settings,
        server=structs.replace(declared.settings.server, node=text),
        aliases=(AliasSettings(text, text),),
    )
    house.office.declared = replace(
        declared,
        settings=settings,
        origins={"server.node": text, f"aliases.{text}": text, "server.listen": f"--{text}"},
    )
    reloads = house.around.reloads
    reloads.last = ReloadOutcome(generation=1, at_us=1, error=text, children={text: "applied"}, waiting=(text,))
    reloads.looked = Looked(ticket="t", settings=declared.settings, origins={}, waiting=(text,))
    for path in (*PAGES, "/configuration?file=compare"):
        assert_harmless((await owner.get(path)).text)
    reloads.looked = Looked(ticket="t", error=text)
    assert_harmless((await owner.get("/configuration?file=compare")).text)
    for path in PAGES:
        answer = await owner.get(f"{path}?search={html.escape(text)}&origin={text[:3]}&kind=x&before={text[:5]}")
        assert_harmless(answer.text)
