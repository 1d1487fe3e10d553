"""People at the door of a real gateway: through a worker, the control process and, with OpenID, a real provider."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.gateway_process import GatewayProcess, configuration, environment, running
from tests.openid_provider import NOBODY, OpenIdProcess
from tests.openid_provider import openid_provider as openid_provider  # noqa: PLC0414 # a fixture
from tests.openid_provider import scripts as scripts  # noqa: PLC0414 # a fixture
from tests.providers import MockProcess
from tests.source import ROOT
from tests.web.visiting import PASSWORD, Answer, Person, query_of

SESSION = "__Host-sluicegate"

LOGIN = """
[[login.providers]]
id            = "corp"
label         = "Corp"
issuer        = "{issuer}"
client_id     = "{client_id}"
client_secret = "{client_secret}"
roles         = [{{ group = "ops", role = "admin" }}, {{ group = "staff", role = "member" }}]
scopes        = ["openid", "email", "profile", "groups"]

[[login.providers]]
id            = "gone"
issuer        = "http://127.0.0.1:1"
client_id     = "us"
client_secret = "x"
"""


@pytest.fixture(scope="module")
def house(
    mock: MockProcess, openid_provider: OpenIdProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    there = openid_provider
    login = LOGIN.format(issuer=there.issuer, client_id=there.client_id, client_secret=there.client_secret)
    with running(tmp_path_factory.mktemp("house"), configuration(mock.url, login), workers=2) as gateway:
        yield gateway.complete()


def person(house: GatewayProcess) -> Person:
    return Person(None, origin=house.url)


def command(house: GatewayProcess, *words: str) -> str:
    """What a command of the operator says."""
    line = [sys.executable, "-m", "gateway", "user", *words, "--config", str(house.config)]
    line += ["--data-dir", str(house.data_dir)]
    done = subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def log_in(somebody: Person, there: OpenIdProcess, account: str, next_page: str = "/account") -> Answer:
    """The whole way: to the provider and back."""
    await somebody.get(f"/login?next={next_page}")
    going = await somebody.submit("/login/corp")
    assert going.going_to.startswith(there.issuer), going.text
    url = await asyncio.to_thread(there.log_in, going.going_to, account)
    assert url.startswith(somebody.origin)
    return await somebody.get(url.removeprefix(somebody.origin))


async def me(somebody: Person) -> dict[str, object]:
    answer = await somebody.get("/api/me")
    assert answer.status == 200, answer.text
    found: dict[str, object] = json.loads(answer.text)
    return found


async def test_the_setup_link_makes_the_first_owner(house: GatewayProcess) -> None:
    told = command(house, "setup-link")
    address = next(word for word in told.split() if "/setup?" in word)
    owner = person(house)
    first = await owner.get(path_of(address))
    assert (first.status, first.to) == (303, "/setup")
    await owner.follow()
    wish = {"email": "root@corp.example", "name": "Root", "password": PASSWORD, "again": PASSWORD}
    done = await owner.submit("/setup", **wish)
    assert (done.status, done.to) == (303, "/")
    assert (await owner.get("/")).status == 200
    assert "people:owner" in (await me(owner))["permissions"]  # type: ignore[operator]
    late = person(house)
    await late.get(path_of(address))
    assert (await late.get("/setup")).status == 409
    logged_in = person(house)
    assert (await logged_in.log_in("root@corp.example", "wrong horse battery")).status == 403
    assert (await logged_in.log_in("root@corp.example")).status == 303
    await logged_in.get("/")
    await logged_in.submit("/logout")
    assert (await logged_in.get("/api/me")).status == 401
    assert (await owner.get("/api/me")).status == 200


async def test_somebody_of_the_corporation_logs_in_with_the_role_of_their_group(
    house: GatewayProcess, openid_provider: OpenIdProcess
) -> None:
    ada = person(house)
    back = await log_in(ada, openid_provider, "ada", "/account?tab=2")
    assert (back.status, back.to) == (303, "/account?tab=2")
    assert "ada@corp.example" in (await ada.follow()).text
    first = await me(ada)
    assert first["name"] == "ada@corp.example"
    assert "people:write" in first["permissions"]  # type: ignore[operator]
    assert "people:owner" not in first["permissions"]  # type: ignore[operator]
    assert 'id="part-figures"' in (await ada.get("/")).text
    again = person(house)
    await log_in(again, openid_provider, "ada")
    second = await me(again)
    assert second["id"] == first["id"]
    assert second["session_id"] != first["session_id"]


async def test_whoever_is_in_no_group_waits(house: GatewayProcess, openid_provider: OpenIdProcess) -> None:
    bob = person(house)
    assert (await log_in(bob, openid_provider, "bob")).status == 303
    answer = await bob.get("/")
    assert answer.status == 403
    assert "Waiting for an admin" in answer.text
    command(house, "disable", "bob@corp.example")
    assert (await bob.get("/account")).status == 303
    refused = await log_in(person(house), openid_provider, "bob")
    assert refused.status == 403
    assert "This user is disabled." in refused.text


@pytest.mark.parametrize(
    ("account", "words"), [("eve", "not verified"), (NOBODY, "cancelled"), ("sam", "does not tell")]
)
async def test_others_are_refused_in_words(
    house: GatewayProcess, openid_provider: OpenIdProcess, account: str, words: str
) -> None:
    somebody = person(house)
    answer = await log_in(somebody, openid_provider, account)
    assert answer.status == 403
    assert words in answer.text
    assert 'role="alert"' in answer.text
    assert SESSION not in somebody.cookies


async def test_what_a_browser_brings_back_works_once_and_there_only(
    house: GatewayProcess, openid_provider: OpenIdProcess
) -> None:
    mia, eve = person(house), person(house)
    for each in (mia, eve):
        await each.get("/login")
    going = (await mia.submit("/login/corp")).going_to
    assert query_of(going)["redirect_uri"] == f"{house.url}/login/corp/callback"
    url = await asyncio.to_thread(openid_provider.log_in, going, "mia")
    back = path_of(url)
    await mia.get("/login")
    going = (await mia.submit("/login/corp")).going_to
    url = await asyncio.to_thread(openid_provider.log_in, going, "mia")
    assert (await mia.get(path_of(url))).status == 303
    for somebody, path in ((mia, path_of(url)), (eve, back)):
        answer = await somebody.get(path)
        assert answer.status == 403
    assert SESSION not in eve.cookies


async def test_a_provider_that_is_away_is_said(house: GatewayProcess) -> None:
    somebody = person(house)
    await somebody.get("/login")
    answer = await somebody.submit("/login/gone")
    assert answer.status == 403
    assert "could not be asked" in answer.text
    assert (await somebody.get("/login")).status == 200


async def test_a_page_of_another_site_makes_nobody_log_in(house: GatewayProcess) -> None:
    somebody = person(house)
    answer = await somebody.post(
        "/login", {"email": "root@corp.example", "password": PASSWORD}, **{"sec-fetch-site": "cross-site"}
    )
    assert answer.status == 403
    assert SESSION not in somebody.cookies


async def test_a_client_claims_no_address_and_no_scheme(house: GatewayProcess) -> None:
    """What only workers say is taken from whatever a client says in its name: only HTTPS would be let in here."""
    somebody = Person(None, origin=house.url)
    answer = await somebody.get("/login", host="gate.example", **{"x-sluicegate-scheme": "https"})
    assert answer.status == 403
    assert "Not over plain HTTP" in answer.text


def path_of(url: str) -> str:
    """Path and query of an address."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
