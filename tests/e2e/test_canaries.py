"""No secret that is put into a gateway, in whichever way, stands anywhere but where it was put (T36, T37)."""

from __future__ import annotations

import base64

import pytest

from tests.e2e import canaries
from tests.e2e.aviary import EVERY, Aviary, spellings
from tests.openid_provider import OpenIdProcess
from tests.openid_provider import openid_provider as openid_provider  # noqa: PLC0414 # a fixture
from tests.openid_provider import scripts as scripts  # noqa: PLC0414 # a fixture
from tests.postgres import ENGINES
from tests.providers import MockProcess

PLACES = ("log", "usage records", "captured bodies", "rows of the state", "/metrics", "command lines", "sealed.json")
"""Some of those where there must be something to look at."""


@pytest.fixture(scope="module", params=ENGINES)
def aviary(
    request: pytest.FixtureRequest,
    mock: MockProcess,
    openid_provider: OpenIdProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Aviary:
    database = request.getfixturevalue("postgres").fresh() if request.param == "postgres" else ""
    return canaries.fill(tmp_path_factory.mktemp("aviary"), mock.url, openid_provider, database)


@pytest.mark.parametrize("name", EVERY)
def test_a_secret_stands_nowhere(name: str, aviary: Aviary) -> None:
    assert not aviary.where(name)


def test_every_place_was_looked_at(aviary: Aviary) -> None:
    assert len(aviary.places) > 100
    for place in PLACES:
        assert len(aviary.places[place]) > 50, place
    assert b'"level":"debug"' in aviary.places["log"]


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_a_secret_would_be_found_in_disguise(before: str) -> None:
    secret = "sk-canary/with+signs?"
    raw = f"{before}{secret}and more".encode()
    for hidden in (raw, base64.b64encode(raw), base64.urlsafe_b64encode(raw), raw.hex().encode()):
        assert any(each in hidden for each in spellings(secret)), hidden
