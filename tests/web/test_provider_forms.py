"""Adding, changing and deleting a provider by forms: what comes of it, and what is said where it cannot be."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

from gateway.catalog.presets import presets
from gateway.management import configuration
from gateway.management.configured import CredentialView, ProviderView
from gateway.settings.section import Strategy
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.supplied import SECRET, Supplied, supplied
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import Person
from web.page import SAID
from web.pages.provider_forms import STRATEGIES

OWN = "/providers/-/custom"
MINE = {"id": "mine", "format": "openai_chat", "base_url": "https://192.0.43.8/v1"}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Supplied]:
    async with supplied(tmp_path, "http://127.0.0.1:9") as made:
        yield made


@pytest.fixture
async def owner(here: Supplied) -> Person:
    return await here.signed_in()


async def provider(here: Supplied, name: str) -> ProviderView:
    found = await configuration.get_object(here.house.office, OPERATOR, "provider", name)
    assert isinstance(found, ProviderView)
    return found


async def credential(here: Supplied, name: str) -> CredentialView:
    found = await configuration.get_object(here.house.office, OPERATOR, "credential", name)
    assert isinstance(found, CredentialView)
    return found


@pytest.mark.parametrize("name", [*presets(), "custom"])
async def test_every_provider_of_the_catalogue_has_its_form(owner: Person, name: str) -> None:
    page = await owner.get(f"/providers/-/{name}")
    assert page.status == 200
    assert_well_formed(page.text)
    preset = presets().get(name)
    for variable in preset.variables if preset is not None else ():
        assert f'name="variables.{variable}"' in page.text
    asks = preset is not None and preset.auth != "none" and preset.needs_key
    assert (
        "credential.api_key" in page.text,
        'name="credential.api_key" type="password"' in page.text or "textarea" in page.text,
    ) == (True, True)
    assert ("Empty where it asks for none" in page.text) is not (
        asks or (preset is not None and preset.auth == "google")
    )


async def test_every_strategy_has_its_words() -> None:
    assert set(STRATEGIES) == set(get_args(Strategy))


async def test_what_the_catalogue_does_not_have_has_no_form(owner: Person) -> None:
    assert (await owner.get("/providers/-/nobody")).status == 404
    assert (await owner.get("/providers/-/nobody%2F..")).status == 404


async def test_a_preset_is_added_with_its_first_credential(here: Supplied, owner: Person) -> None:
    await owner.get("/providers/-/openai")
    sent = await owner.submit("/providers/-/openai", **{"credential.api_key": SECRET})
    assert (sent.status, sent.to) == (303, "/providers/openai?said=provider-added")
    await here.follow()
    page = await owner.follow()
    assert SAID["provider-added"] in page.text
    assert SECRET not in page.text
    made = await provider(here, "openai")
    assert (made.credentials, made.base_url, made.managed.by) == (("main",), "", "database")
    spec = here.house.office
    assert (await credential(here, "openai/main")).fingerprints["api_key"] == spec.fingerprint(SECRET)


async def test_a_server_of_one_s_own_is_added_with_all_that_few_need(here: Supplied, owner: Person) -> None:
    await owner.get(OWN)
    sent = await owner.submit(
        OWN,
        **MINE,
        models="a*, !ab",
        strategy="weighted",
        sticky_requests="1",
        session_affinity=("no",),
        rests=("no", "yes"),
        list_models=("no",),
        stream_usage=("no",),
        prefixes="quick",
        drop_fields="logit_bias",
        forward_headers="x-trace",
        proxy="http://192.0.43.9:3128",
        headers=f"x-team: {SECRET}",
        **{"credential.name": "main", "credential.api_key": ""},
    )
    assert sent.to == "/providers/mine?said=provider-added", html.unescape(sent.text)
    made = await provider(here, "mine")
    assert (made.format, made.models, made.strategy, made.prefixes) == (
        "openai_chat",
        ("a*", "!ab"),
        "weighted",
        ("quick",),
    )
    assert (made.session_affinity, made.rests, made.list_models, made.stream_usage) == (False, True, False, False)
    assert (made.drop_fields, made.forward_headers, made.credentials) == (("logit_bias",), ("x-trace",), ())
    assert set(made.fingerprints) == {"proxy", "headers.x-team"}
    await here.follow()
    page = html.unescape((await owner.get("/providers/mine")).text)
    assert "change credentials" in page
    assert "x-team" in page
    assert SECRET not in page


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"id": ""}, "id", "Give it a name"),
        ({"id": "not a name"}, "", ""),
        ({"base_url": "https://10.0.0.8/v1"}, "base_url", "10.0.0.8 is not a public address, and network.allow"),
        ({"base_url": "nowhere"}, "base_url", ""),
        ({"models": "a b?"}, "models", "the only wildcard"),
        ({"sticky_requests": "often"}, "sticky_requests", "no whole number"),
        ({"sticky_requests": "0"}, "sticky_requests", ""),
        ({"headers": "host"}, "headers", "one header a line"),
        ({"headers": "host: x"}, "headers", ""),
        ({"proxy": "http://10.0.0.1:3128"}, "proxy", "10.0.0.1 is not a public address"),
        ({"credential.api_key": "a\nb"}, "credential.api_key", "no header can carry"),
        ({"credential.api_key": "a", "credential.name": "not a name"}, "credential.name", ""),
        ({"prefixes": "filed"}, "prefixes", "leads to provider"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_kept(
    here: Supplied, owner: Person, typed: dict[str, str], field: str, words: str
) -> None:
    await owner.get(OWN)
    answer = await owner.submit(OWN, **{**MINE, **typed})
    assert answer.status == 422
    assert_well_formed(answer.text)
    text = html.unescape(answer.text)
    said = f'<p class="wrong" id="providers-{{preset}}-{field}-wrong">'
    assert words in text
    if field:
        part = text.partition(f'id="providers---{{preset}}-{field}-wrong">')[2].partition("</p>")[0]
        assert part, said
        assert "`" not in part
    assert MINE["format"] in text
    every = await configuration.list_objects(here.house.office, OPERATOR, "provider")
    assert [each.managed.by for each in every] == ["file"]


async def test_what_few_need_is_shown_where_something_there_is_wrong(owner: Person) -> None:
    await owner.get(OWN)
    assert '<details id="more">' in owner.last.text if owner.last else False
    answer = await owner.submit(OWN, **MINE, headers="host")
    assert '<details id="more" open>' in answer.text
    answer = await owner.submit(OWN, **{**MINE, "base_url": "nowhere"})
    assert '<details id="more">' in answer.text


async def test_a_secret_that_is_needed_is_asked_for_and_none_comes_back(here: Supplied, owner: Person) -> None:
    await owner.get("/providers/-/openai")
    answer = await owner.submit("/providers/-/openai", **{"credential.api_key": " "})
    assert answer.status == 422
    assert "refuses requests without a secret" in answer.text
    answer = await owner.submit("/providers/-/openai", models="a b?", **{"credential.api_key": SECRET})
    assert answer.status == 422
    assert SECRET not in answer.text
    await owner.get("/providers/-/vertex")
    answer = await owner.submit("/providers/-/vertex", **{"variables.project": "", "credential.api_key": SECRET})
    assert 'id="providers---{preset}-variables.project-wrong"' in html.unescape(answer.text)
    answer = await owner.submit("/providers/-/vertex", **{"variables.project": "acme-1", "credential.api_key": SECRET})
    assert "is no secret for the provider vertex" in html.unescape(answer.text)
    assert SECRET not in answer.text


async def test_what_is_there_already_is_not_added_again(here: Supplied, owner: Person) -> None:
    await owner.get("/providers/-/openai")
    await owner.submit("/providers/-/openai", **{"credential.api_key": SECRET})
    await owner.get("/providers/-/openai")
    answer = await owner.submit("/providers/-/openai", **{"credential.api_key": SECRET})
    assert answer.status == 409
    assert "There is a provider openai already." in answer.text
    await owner.get(OWN)
    answer = await owner.submit(OWN, **{**MINE, "id": "filed"})
    assert answer.status == 409
    assert "managed by sluicegate.toml:3" in answer.text


async def add(here: Supplied) -> None:
    values = {**MINE, "headers": {"x-team": SECRET}, "models": ["a*"], "session_affinity": False}
    await configuration.create_object(here.house.office, OPERATOR, "provider", values)
    await here.follow()


async def test_a_change_takes_back_what_is_as_usual_and_keeps_what_is_not_shown(here: Supplied, owner: Person) -> None:
    await add(here)
    page = await owner.get("/providers/mine/change")
    assert_well_formed(page.text)
    assert SECRET not in page.text
    assert "Remove <code>x-team</code>" in page.text
    fields = page.form("/providers/mine/change")
    assert fields["base_url"] == MINE["base_url"]
    sent = await owner.submit(
        "/providers/mine/change",
        format="openai_chat",
        strategy="fill_first",
        models="",
        session_affinity=("no", "yes"),
        rests=("no", "yes"),
        list_models=("no", "yes"),
        stream_usage=("no", "yes"),
    )
    assert sent.to == "/providers/mine?said=provider-changed", html.unescape(sent.text)
    changed = await provider(here, "mine")
    assert (changed.models, changed.strategy, changed.session_affinity) == (("*",), "fill_first", True)
    assert set(changed.fingerprints) == {"headers.x-team"}


async def test_headers_are_taken_away_and_said_anew_by_name(here: Supplied, owner: Person) -> None:
    await add(here)
    await owner.get("/providers/mine/change")
    usual = {"format": "openai_chat", "strategy": "round_robin", "models": "a*"}
    await owner.submit("/providers/mine/change", **usual, headers="x-other: 1", without="x-team")
    assert set((await provider(here, "mine")).fingerprints) == {"headers.x-other"}


async def test_no_secret_follows_a_provider_to_another_address(here: Supplied, owner: Person) -> None:
    await add(here)
    values = {"provider": "mine", "name": "main", "api_key": SECRET}
    await configuration.create_object(here.house.office, OPERATOR, "credential", values)
    await owner.get("/providers/mine/change")
    usual = {"format": "openai_chat", "strategy": "round_robin", "models": "a*"}
    answer = await owner.submit("/providers/mine/change", **usual, base_url="https://192.0.43.10/v1")
    assert answer.status == 422
    text = html.unescape(answer.text)
    assert "No secret of the provider mine follows it to another address: delete its credentials first" in text
    assert 'id="providers-{id}-change-base_url-wrong"' in text


async def test_a_change_of_what_somebody_else_has_changed_meanwhile_is_refused(here: Supplied, owner: Person) -> None:
    await add(here)
    await owner.get("/providers/mine/change")
    which = ("provider", "mine")
    await configuration.change_object(here.house.office, OPERATOR, which, {"models": ["b*"]}, None)  # type: ignore[arg-type]
    usual = {"format": "openai_chat", "strategy": "round_robin", "models": "c*"}
    answer = await owner.submit("/providers/mine/change", **usual)
    assert answer.status == 412
    assert "has version 2 by now" in answer.text
    assert (await provider(here, "mine")).models == ("b*",)


async def test_what_the_file_says_has_no_form(owner: Person) -> None:
    answer = await owner.get("/providers/filed/change")
    assert answer.status == 409
    assert "managed by sluicegate.toml:3: change it there" in html.unescape(answer.text)
    csrf = (await owner.get(OWN)).form(OWN)["csrf"]
    for word in ("change", "delete"):
        answer = await owner.post(f"/providers/filed/{word}", {"csrf": csrf, "confirm": "filed"})
        assert answer.status == 409


async def test_it_is_deleted_once_its_name_is_typed(here: Supplied, owner: Person) -> None:
    await add(here)
    values = {"provider": "mine", "name": "main", "api_key": SECRET}
    await configuration.create_object(here.house.office, OPERATOR, "credential", values)
    page = await owner.get("/providers/mine/change")
    assert "Its credential goes with it" in page.text
    answer = await owner.submit("/providers/mine/delete", confirm="my")
    assert answer.status == 422
    assert "Type mine to delete it" in answer.text
    await configuration.create_object(here.house.office, OPERATOR, "alias", {"name": "fast", "target": "mine/abc"})
    answer = await owner.submit("/providers/mine/delete", confirm="mine")
    assert answer.status == 422
    assert "fast" in answer.text
    await configuration.delete_object(here.house.office, OPERATOR, ("alias", "fast"), None)
    await owner.get("/providers/mine/change")
    sent = await owner.submit("/providers/mine/delete", confirm="mine")
    assert sent.to == "/providers?said=provider-deleted"
    assert (await owner.get("/providers/mine")).status == 404


@pytest.mark.parametrize("text", CORPUS)
async def test_what_was_typed_comes_back_as_text(owner: Person, text: str) -> None:
    await owner.get(OWN)
    fields = dict.fromkeys(("id", "format", "base_url", "models", "prefixes", "drop_fields", "strategy"), text)
    answer = await owner.submit(OWN, **fields)
    assert answer.status == 422
    assert_harmless(answer.text)
    assert_well_formed(answer.text)


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_whoever_may_only_look_changes_nothing(here: Supplied, role: str) -> None:
    await add(here)
    person = await here.signed_in(role)
    csrf = next(fields["csrf"] for _, fields in (await person.get("/account")).forms)
    for path, fields in ((OWN, MINE), ("/providers/mine/change", {}), ("/providers/mine/delete", {"confirm": "mine"})):
        assert (await person.post(path, {"csrf": csrf, **fields})).status == 403
    assert (await provider(here, "mine")).version == 1
