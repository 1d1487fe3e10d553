"""The company is made as anybody makes people and keys, and what is there already stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.management import audit, keys, people, teams
from gateway.management.audit import AuditFilter
from gateway.management.keys import KeyFilter, KeyWish
from gateway.management.office import Office
from gateway.management.people import NewUser, UserFilter
from gateway.management.teams import TeamFilter
from gateway.records import NANO_USD
from gateway.seeding.clients import KEYS
from gateway.seeding.settling import DAYS_BEFORE, Use, budget_of, in_those_days, limit, settle
from gateway.seeding.world import PEOPLE, TEAMS
from gateway.settings.instants import read_instant
from tests.gateway.management.offices import OPERATOR, office_in

SINCE_US = 1_790_000_000_000_000
DAY_US = 24 * 3600 * 1_000_000

ALL = {"after_id": None, "limit": 1000}


async def keys_of(office: Office) -> dict[str, keys.KeyView]:
    return {key.name: key for key in await keys.list_keys(office, OPERATOR, KeyFilter(), **ALL)}  # type: ignore[arg-type]


async def test_everybody_is_there_and_every_key_is_somebody_s(tmp_path: Path) -> None:
    async with office_in(tmp_path) as office:
        settled = await settle(office, OPERATOR)
        users = await people.list_users(office, OPERATOR, UserFilter(), **ALL)  # type: ignore[arg-type]
        assert {user.email for user in users} == {person.email for person in PEOPLE}
        assert not any(user.has_password for user in users), "nobody can log in as one of them"
        found = {team.name: team for team in await teams.list_teams(office, OPERATOR, TeamFilter(), **ALL)}  # type: ignore[arg-type]
        assert {name: team.members for name, team in found.items()} == {each.name: len(each.members) for each in TEAMS}
        made = await keys_of(office)
        assert made.keys() == settled.keys.keys() == settled.secrets.keys() == {key.name for key in KEYS}
        owned = settled.keys["support-bot"]
        assert owned == type(owned)(f"key:{made['support-bot'].id}", None, found["support"].id)
        assert settled.keys["ide-alice"].user_id in {user.id for user in users if user.name == "Alice Moreau"}
        assert made["support-bot"].models == ("support", "local")
        assert made["playground-jonas"].requests_per_minute == 20
        # One with a budget may not be refused for what nobody knows the price of.
        assert made["support-bot"].allow_unpriced
        assert not made["ci"].allow_unpriced


async def test_what_is_there_stays_and_is_used(tmp_path: Path) -> None:
    async with office_in(tmp_path) as office:
        alice = await people.create_user(office, OPERATOR, NewUser(email="alice@example.com", name="Another"))
        own = await keys.create_key(office, OPERATOR, KeyWish(name="ci", max_parallel=3))
        settled = await settle(office, OPERATOR)
        assert settled.keys["ide-alice"].user_id == alice.user.id
        assert settled.keys["ci"].key_id == f"key:{own.key.id}"
        assert "ci" not in settled.secrets
        assert (await keys.get_key(office, OPERATOR, own.key.id)) == own.key
        again = await settle(office, OPERATOR)
        assert again.keys == settled.keys
        assert not again.secrets


async def test_it_was_made_before_anything_was_asked(tmp_path: Path) -> None:
    async with office_in(tmp_path) as office:
        await settle(in_those_days(office, SINCE_US), OPERATOR)
        made = [read_instant(str(key.created_at)) for key in (await keys_of(office)).values()]
        assert SINCE_US - DAYS_BEFORE * DAY_US <= min(made) < max(made) < SINCE_US
        noted = await audit.list_entries(office, OPERATOR, AuditFilter(), **ALL)  # type: ignore[arg-type]
        assert len(noted) == len(PEOPLE) + len(TEAMS) + len(PEOPLE) + len(KEYS)


async def test_keys_have_used_the_part_of_their_budgets_that_they_are_said_to(tmp_path: Path) -> None:
    async with office_in(tmp_path) as office:
        settled = await settle(office, OPERATOR)
        spent = 93 * NANO_USD
        used = {key.name: Use(spent, SINCE_US + place) for place, key in enumerate(KEYS) if key.name != "ide-omar"}
        await limit(office, OPERATOR, settled.keys, used)
        made = await keys_of(office)
        for key in KEYS:
            budget = made[key.name].budget_usd
            if not key.spent or key.name == "ide-omar":
                assert budget is None
            else:
                assert budget is not None
                assert key.spent - 0.12 < 93 / budget <= key.spent
        assert read_instant(str(made["ci"].last_used_at)) == SINCE_US
        assert made["ide-omar"].last_used_at is None
        before = await keys_of(office)
        await limit(office, OPERATOR, settled.keys, {"ci": Use(5 * spent, SINCE_US)})
        assert await keys_of(office) == before, "a budget that is there stays"


@pytest.mark.parametrize(
    ("usd", "spent", "budget"), [(93, 0.93, 100), (0, 0.5, 1), (0.004, 0.5, 1), (1234, 0.5, 2500), (6.2, 0.5, 13)]
)
def test_a_budget_is_a_round_sum(usd: float, spent: float, budget: float) -> None:
    assert budget_of(round(usd * NANO_USD), spent) == budget
