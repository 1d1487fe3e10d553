"""Keys as the relay goes by them, found by name or id by whoever may see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import structs

from gateway.errors import NotPermitted, UnknownResource
from gateway.management import keys
from gateway.management.keys import KeyWish, get_client_key
from gateway.management.office import Actor, Office
from gateway.records import Limits
from gateway.settings.model import Settings
from gateway.settings.objects import ClientKeySettings
from tests.gateway.management.offices import OPERATOR, office_in, somebody

SAID = ClientKeySettings(name="said", key="sk-of-the-file-long-enough")


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    settings = structs.replace(Settings(), client_keys=(SAID,))
    async with office_in(tmp_path, settings=settings) as made:
        yield made


async def made(office: Office, actor: Actor, name: str) -> str:
    wish = KeyWish(name=name, models=("gpt-*",), requests_per_minute=5)
    return (await keys.create_key(office, actor, wish)).key.id


async def test_it_is_found_by_its_name_or_either_form_of_its_id(office: Office) -> None:
    key_id = await made(office, OPERATOR, "app")
    for wanted in ("app", key_id, f"key:{key_id}"):
        found = await get_client_key(office, OPERATOR, wanted)
        assert (found.id, found.name, found.models) == (f"key:{key_id}", "app", ("gpt-*",))
        assert found.limits == Limits(requests_per_minute=5)
    assert (await get_client_key(office, OPERATOR, "said")).id == "said"


async def test_one_that_is_revoked_is_nobody_s(office: Office) -> None:
    key_id = await made(office, OPERATOR, "app")
    await keys.revoke_key(office, OPERATOR, key_id, None)
    for wanted in ("app", key_id):
        with pytest.raises(UnknownResource, match=f"There is no key {wanted}"):
            await get_client_key(office, OPERATOR, wanted)


async def test_a_member_finds_none_of_others_and_none_of_the_file(office: Office) -> None:
    await made(office, OPERATOR, "theirs")
    member = somebody("member", "nobody-in-particular")
    for wanted in ("theirs", "said"):
        with pytest.raises(UnknownResource, match=f"There is no key {wanted}"):
            await get_client_key(office, member, wanted)
    with pytest.raises(NotPermitted):
        await get_client_key(office, somebody("viewer", "v"), "theirs")
