"""Saved views of the page of requests: one's own and others', saved, changed, put in another's place, deleted."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.management import saved
from gateway.management.saved import VIEWS, Part, SavedView
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in

SAVE, CHANGE, DELETE = (f"/requests/views/{word}" for word in ("save", "change", "delete"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        yield made


@pytest.fixture
async def vera(house: House) -> Person:
    await add(house.office, "vera", "viewer", password=PASSWORD)
    return await house.signed_in("vera@example.com")


async def kept(house: House) -> list[SavedView]:
    """Those that are shared, as somebody sees them who has none."""
    return await saved.list_saved(house.office, OPERATOR, VIEWS, Part(limit=99))


def listed(text: str) -> list[tuple[str, str]]:
    """Names and addresses."""
    found = re.search(r'<ul class="views">(.*?)</ul>', text, re.DOTALL)
    return [
        (name, html.unescape(link))
        for link, name in re.findall(r'href="([^"]+)"[^>]*>([^<]+)', found[1] if found else "")
    ]


async def test_what_is_shown_is_saved_by_a_name(vera: Person) -> None:
    page = await vera.get("/requests?range=7d&outcome=failed&columns=cost.key&before=x&live=off&slower=soon")
    assert_well_formed(page.text)
    assert "A view keeps the filters" in page.text
    answer = await vera.submit(SAVE, name="  What  fails ")
    there = "/requests?range=7d&columns=cost.key&outcome=failed"
    assert (answer.status, answer.to) == (303, f"{there}&said=view-saved")
    page = await vera.follow()
    assert_well_formed(page.text)
    assert "The view is saved." in page.text
    assert listed(page.text) == [("What fails", there)]
    assert 'aria-current="true" class="strong">What fails</a>' in page.text
    assert 'aria-current="true" class="strong">What fails</a>' not in (await vera.get("/requests")).text


async def test_it_can_be_called_otherwise_and_shown_to_all(vera: Person, house: House) -> None:
    await vera.get("/requests?outcome=failed")
    await vera.submit(SAVE, name="Mine")
    assert await kept(house) == []
    await vera.follow()
    answer = await vera.submit(CHANGE, name="Failures", shared="yes")
    assert answer.to == "/requests?outcome=failed&said=view-changed"
    (view,) = await kept(house)
    assert (view.name, view.query, view.shared) == ("Failures", "outcome=failed", True)
    await add(house.office, "vito", "viewer", password=PASSWORD)
    other = await house.signed_in("vito@example.com")
    page = await other.get("/requests?outcome=failed")
    assert_well_formed(page.text)
    assert listed(page.text) == [("Failures", "/requests?outcome=failed")]
    assert "by Vera" in page.text or "by vera@example.com" in page.text
    assert not any(action in (CHANGE, DELETE) for action, _ in page.forms)
    stolen = {**page.form(SAVE), "view": view.id, "name": "Taken", "version": str(view.version)}
    assert (await other.post(CHANGE, stolen)).status == 403
    assert (await other.post(DELETE, stolen)).status == 403
    assert (await kept(house))[0].name == "Failures"


async def test_what_is_shown_takes_the_place_of_another(vera: Person) -> None:
    await vera.get("/requests?outcome=failed")
    await vera.submit(SAVE, name="Mine")
    await vera.get("/requests?outcome=refused&model=gpt-4o")
    fields = next(fields for action, fields in vera.last.forms if action == CHANGE)  # type: ignore[union-attr] # it was just answered
    view = re.search(r'<option value="([^"]+)">Mine</option>', vera.last.text)  # type: ignore[union-attr]
    assert view is not None
    assert (await vera.post(CHANGE, {**fields, "view": view[1]})).status == 303
    page = await vera.follow()
    assert listed(page.text) == [("Mine", "/requests?outcome=refused&model=gpt-4o")]


async def test_it_is_deleted(vera: Person) -> None:
    await vera.get("/requests?outcome=failed")
    await vera.submit(SAVE, name="Mine")
    await vera.follow()
    assert (await vera.submit(DELETE)).to == "/requests?outcome=failed&said=view-deleted"
    page = await vera.follow()
    assert listed(page.text) == []
    assert "The view is deleted." in page.text


async def test_what_is_wrong_stands_beside_the_field_of_the_same_page(vera: Person, store: Store) -> None:
    await vera.get("/requests?outcome=failed")
    for name, said in (("", "Give it a name."), ("x" * 101, "at most 100 characters"), ("a\nb", "cannot be typed")):
        answer = await vera.submit(SAVE, name=name)
        assert answer.status == 422
        assert_well_formed(answer.text)
        assert said in answer.text
        assert answer.text.count(said) == 1
        assert 'name="query" value="outcome=failed"' in answer.text
        assert ">failed</span>" in answer.text
    await vera.submit(SAVE, name="Mine")
    await vera.get("/requests?outcome=ok")
    answer = await vera.submit(SAVE, name="Mine")
    assert answer.status == 409
    assert "You have a view called Mine already." in answer.text


async def test_whoever_is_nobody_here_saves_nothing(tmp_path: Path, store: Store) -> None:
    directory = tmp_path / "demo"
    directory.mkdir()
    async with house_in(directory, store=store, demo=True) as house:
        page = await house.person().get("/requests")
        assert page.status == 200
        assert SAVE not in page.text


async def test_a_part_of_the_page_asks_for_none(vera: Person) -> None:
    assert "views" not in (await vera.get("/requests?block=rows")).text


@pytest.mark.parametrize("text", CORPUS)
async def test_names_and_words_are_text(vera: Person, text: str) -> None:
    await vera.get("/requests")
    fields = vera.last.form(SAVE)  # type: ignore[union-attr] # it was just answered
    for name in (text, "x"):
        answer = await vera.post(
            SAVE, {**fields, "name": name, "query": f"model={text}&{text}={text}", "shared": "yes"}
        )
        assert_harmless(answer.text)
        assert "\n" not in answer.to
    page = await vera.get("/requests")
    assert_harmless(page.text)
    assert_well_formed(page.text)
    for _, link in listed(page.text):
        assert_harmless((await vera.get(link)).text)
