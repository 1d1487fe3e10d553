from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs

from gateway.errors import Conflict, NotPermitted, Unacceptable, UnknownResource, VersionMismatch
from gateway.management import people, saved
from gateway.management.office import Actor, Office
from gateway.management.saved import QUERIES, VIEWS, Kind, Part, QueryWish, ViewWish
from gateway.store.state import Where
from tests.gateway.management.crowd import actor_of, add, audit, office_at
from tests.gateway.management.offices import OPERATOR

VIEW = ViewWish(page="requests", name="errors of today", query="outcome=failed&last=24h")
QUERY = QueryWish(name="spend by key", query="select key, sum(cost_nano_usd) from requests group by key")

each_kind = pytest.mark.parametrize(("kind", "wish"), [(VIEWS, VIEW), (QUERIES, QUERY)], ids=["view", "query"])


@pytest.fixture
async def office(where: Where) -> AsyncIterator[Office]:
    async with office_at(where) as (made, _):
        yield made


async def names(office: Office, actor: Actor, kind: Kind[Any, Any], **part: Any) -> list[str]:
    return [each.name for each in await saved.list_saved(office, actor, kind, Part(**{"limit": 100, **part}))]


@each_kind
async def test_what_is_saved_is_there_for_whoever_saved_it(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    ann = await actor_of(office, await add(office, "ann", "admin"))
    made = await saved.save(office, ann, kind, wish)
    assert (made.name, made.query, made.shared, made.version) == (wish.name, wish.query, False, 1)
    assert (made.user_id, made.user_name, made.email) == (ann.user_id, "Ann", "ann@example.com")
    assert await saved.get_saved(office, ann, kind, made.id) == made
    assert await saved.list_saved(office, ann, kind, Part(limit=10)) == [made]


@each_kind
async def test_others_see_what_is_shared_and_nothing_else(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    ann = await actor_of(office, await add(office, "ann", "admin"))
    ben = await actor_of(office, await add(office, "ben", "admin"))
    own = await saved.save(office, ann, kind, wish)
    shared = await saved.save(office, ann, kind, structs.replace(wish, name="for all", shared=True))
    assert await names(office, ann, kind) == ["for all", wish.name]
    assert await names(office, ben, kind) == ["for all"]
    assert await names(office, OPERATOR, kind) == ["for all"]
    for deed in (
        saved.get_saved(office, ben, kind, own.id),
        saved.change_saved(office, ben, kind, own, wish),
        saved.delete_saved(office, ben, kind, own.id, None),
    ):
        with pytest.raises(UnknownResource):
            await deed
    with pytest.raises(NotPermitted, match="Ann"):
        await saved.change_saved(office, ben, kind, shared, wish)


@each_kind
async def test_what_others_share_can_be_cleaned_up_by_those_who_look_after_people(
    office: Office, kind: Kind[Any, Any], wish: Any
) -> None:
    ann = await actor_of(office, await add(office, "ann", "admin"))
    ben = await actor_of(office, await add(office, "ben", "admin"))
    shared = await saved.save(office, ann, kind, structs.replace(wish, shared=True))
    helpless = Actor(kind="user", name="cy", user_id=ben.user_id, permissions=ben.permissions - {saved.CLEANING})
    with pytest.raises(NotPermitted):
        await saved.delete_saved(office, helpless, kind, shared.id, None)
    await saved.delete_saved(office, ben, kind, shared.id, None)
    assert await names(office, ann, kind) == []


@each_kind
async def test_it_is_changed_in_the_version_that_was_seen(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    ann = await actor_of(office, await add(office, "ann", "admin"))
    made = await saved.save(office, ann, kind, wish)
    after = await saved.change_saved(office, ann, kind, made, structs.replace(wish, name=" other\t name ", shared=True))
    assert (after.name, after.shared, after.version) == ("other name", True, 2)
    assert after.created_at == made.created_at
    with pytest.raises(VersionMismatch):
        await saved.change_saved(office, ann, kind, made, wish)
    with pytest.raises(VersionMismatch):
        await saved.delete_saved(office, ann, kind, made.id, 1)
    await saved.delete_saved(office, ann, kind, made.id, 2)
    with pytest.raises(UnknownResource):
        await saved.get_saved(office, ann, kind, made.id)


@each_kind
async def test_a_name_is_ones_own_and_used_once(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    ann = await actor_of(office, await add(office, "ann", "admin"))
    ben = await actor_of(office, await add(office, "ben", "admin"))
    first = await saved.save(office, ann, kind, wish)
    with pytest.raises(Conflict) as taken:
        await saved.save(office, ann, kind, structs.replace(wish, name=f" {wish.name} "))
    assert taken.value.param == "name"
    await saved.save(office, ben, kind, wish)
    second = await saved.save(office, ann, kind, structs.replace(wish, name="second"))
    with pytest.raises(Conflict):
        await saved.change_saved(office, ann, kind, second, wish)
    same = await saved.change_saved(office, ann, kind, first, wish)
    assert same.version == 2


async def test_views_of_two_pages_may_be_called_alike(office: Office) -> None:
    ann = await actor_of(office, await add(office, "ann", "member"))
    await saved.save(office, ann, VIEWS, VIEW)
    await saved.save(office, ann, VIEWS, structs.replace(VIEW, page="spend"))
    assert len(await names(office, ann, VIEWS)) == 2
    assert len(await names(office, ann, VIEWS, page="spend")) == 1
    assert await names(office, ann, VIEWS, page="latency") == []


@each_kind
async def test_nobody_saves_without_end(
    office: Office, kind: Kind[Any, Any], wish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved, "MOST_OF_ONE", 2)
    ann = await actor_of(office, await add(office, "ann", "admin"))
    made = [await saved.save(office, ann, kind, structs.replace(wish, name=name)) for name in ("a", "b")]
    with pytest.raises(Conflict, match="2 of these"):
        await saved.save(office, ann, kind, wish)
    await saved.change_saved(office, ann, kind, made[0], wish)
    await saved.delete_saved(office, ann, kind, made[1].id, None)
    await saved.save(office, ann, kind, structs.replace(wish, name="c"))


@each_kind
async def test_a_list_comes_in_parts(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    ann = await actor_of(office, await add(office, "ann", "admin"))
    for number in range(5):
        await saved.save(office, ann, kind, structs.replace(wish, name=f"{number}"))
    first = await saved.list_saved(office, ann, kind, Part(limit=2))
    rest = await saved.list_saved(office, ann, kind, Part(limit=9, after_id=first[-1].id))
    assert [each.name for each in (*first, *rest)] == ["4", "3", "2", "1", "0"]


async def test_an_address_is_kept_as_we_would_write_it(office: Office) -> None:
    ann = await actor_of(office, await add(office, "ann", "member"))
    for number, (said, kept) in enumerate(
        {
            "": "",
            "?a=1&b=": "a=1",
            "a=%C3%BC&a=2": "a=%C3%BC&a=2",
            'x="><script>alert(1)</script>': "x=%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E",
            "a=1#part": "a=1%23part",
        }.items()
    ):
        made = await saved.save(office, ann, VIEWS, structs.replace(VIEW, name=str(number), query=said))
        assert made.query == kept
    for wrong in ("a=%FF", "&".join(f"a{n}=1" for n in range(200))):
        with pytest.raises(Unacceptable) as refused:
            await saved.save(office, ann, VIEWS, structs.replace(VIEW, name="wrong", query=wrong))
        assert refused.value.param == "query"


@each_kind
async def test_a_name_is_a_line_of_text(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    ann = await actor_of(office, await add(office, "ann", "admin"))
    for name in (" ", "\t", "a\x07b", "\u202eevil"):
        with pytest.raises(Unacceptable):
            await saved.save(office, ann, kind, structs.replace(wish, name=name))


@each_kind
async def test_what_is_nobodys_cannot_be_saved(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    with pytest.raises(Unacceptable, match="log in"):
        await saved.save(office, OPERATOR, kind, wish)


@pytest.mark.parametrize(
    ("role", "views", "queries"), [("member", True, False), ("viewer", True, False), ("pending", False, False)]
)
async def test_who_may_see_nothing_has_nothing_saved(office: Office, role: Any, views: bool, queries: bool) -> None:
    actor = await actor_of(office, await add(office, "ann", role))
    for kind, wish, may in ((VIEWS, VIEW, views), (QUERIES, QUERY, queries)):
        for deed in (lambda k=kind, w=wish: saved.save(office, actor, k, w), lambda k=kind: names(office, actor, k)):
            if may:
                await deed()
            else:
                with pytest.raises(NotPermitted):
                    await deed()


@each_kind
async def test_it_goes_with_its_owner(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    user = await add(office, "ann", "admin")
    ben = await actor_of(office, await add(office, "ben", "admin"))
    await saved.save(office, await actor_of(office, user), kind, structs.replace(wish, shared=True))
    assert await names(office, ben, kind) == [wish.name]
    await people.delete_user(office, OPERATOR, user.id, None)
    assert await names(office, ben, kind) == []


@each_kind
async def test_the_audit_log_has_all_of_it(office: Office, kind: Kind[Any, Any], wish: Any) -> None:
    ann = await actor_of(office, await add(office, "ann", "admin"))
    made = await saved.save(office, ann, kind, wish)
    await saved.change_saved(office, ann, kind, made, structs.replace(wish, shared=True))
    await saved.delete_saved(office, ann, kind, made.id, None)
    entries = [entry for entry in await audit(office) if entry["target_kind"] == kind.name]
    assert [entry["action"] for entry in entries] == [f"{kind.name}.{deed}" for deed in ("create", "change", "delete")]
    assert entries[1]["before"]["shared"] is False
    assert entries[1]["after"]["shared"] is True
    assert entries[2]["before"]["query"] == wish.query
    assert {entry["target_id"] for entry in entries} == {made.id}
