"""What strangers may write into a page: names, addresses, what was typed, what stands in the address (T41)."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.access.oidc import Identity
from gateway.errors import LoginFailed
from gateway.management import people, tokens
from gateway.management.links import LinkWish
from gateway.management.people import NewUser
from gateway.management.tokens import NewToken
from tests.gateway.management.crowd import PASSWORD, actor_of, add
from tests.gateway.management.offices import OPERATOR
from tests.web.visiting import House, Person
from web import assets

CORPUS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "javascript:alert(1)",
    "</title><svg/onload=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "&lt;script&gt;\u2028\u202e",
)

TEMPLATES = Path(assets.DIRECTORY.parent / "templates").glob("*.html")
TAGS = set(re.findall(r"<([a-z0-9]+)", "".join(path.read_text(encoding="utf-8") for path in TEMPLATES)))
"""Every element of ours."""


class Marks(HTMLParser):
    """What a browser would make elements, scripts and addresses of."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        scripted = tag == "script" and not said.get("src", "").startswith("/static/")
        leads_away = any(not said.get(name, "/").startswith(("/", "#")) for name in ("href", "src", "action"))
        if tag not in TAGS or scripted or leads_away or any(name.startswith(("on", "style")) for name in said):
            self.wrong.append(self.get_starttag_text() or tag)


def assert_harmless(text: str) -> None:
    marks = Marks()
    marks.feed(text)
    assert marks.wrong == []


async def named(house: House, name: str) -> Person:
    """Somebody with this name, signed in from a browser of this name."""
    made = await people.create_user(
        house.office, OPERATOR, NewUser(email="ada@example.com", name=name, role="owner", password=PASSWORD)
    )
    actor = await actor_of(house.office, made.user)
    await tokens.create_token(house.office, actor, NewToken(name=name[:100], scopes=("usage:read",)))
    person = house.person()
    form = (await person.get("/login")).form("/login")
    sent = {**form, "email": "ada@example.com", "password": PASSWORD}
    agent = name.encode("ascii", "replace").decode()
    assert (await person.post("/login", sent, **{"user-agent": agent})).status == 303
    return person


@pytest.mark.parametrize("text", CORPUS)
async def test_what_somebody_is_called_is_text(house: House, text: str) -> None:
    person = await named(house, text)
    page = await person.get("/account")
    assert_harmless(page.text)
    assert text in html.unescape(page.text)
    assert_harmless((await person.get("/")).text)


@pytest.mark.parametrize("text", CORPUS)
async def test_what_stands_in_the_address_is_text(house: House, text: str) -> None:
    person, said = house.person(), quote(text, safe="")
    for path in ("/login?next={}", "/login?next=/{}", "/login?said={}", "/setup?token={}", "/{}"):
        answer = await person.get(path.format(said))
        assert_harmless(answer.text)
        assert "\n" not in answer.to
    answer = await person.get(f"/login/{said}/callback?state={said}&error={said}&error_description={said}")
    assert answer.status == 403
    assert_harmless(answer.text)


@pytest.mark.parametrize("text", CORPUS)
async def test_what_was_typed_comes_back_as_text(house: House, text: str) -> None:
    person = house.person()
    await person.get("/login")
    answer = await person.submit("/login", email=text, password="x", next=text)
    assert answer.status in (403, 422)
    assert_harmless(answer.text)
    user = await add(house.office, "ada", "owner")
    link = await people.make_password_link(house.office, OPERATOR, user.id, LinkWish())
    await person.get(f"/password?token={link.token}")
    await person.follow()
    assert_harmless((await person.submit("/password", password=text, again="x")).text)


@pytest.mark.parametrize("text", CORPUS)
async def test_what_a_provider_says_is_text(house: House, text: str) -> None:
    house.provider.identity = Identity("corp", text, "ada@example.com", True, text)
    person = house.person()
    await person.get("/login")
    assert_harmless((await person.submit("/login/corp")).text.replace("https://login.corp.example/", "/"))
    assert (await person.get("/login/corp/callback?state=state-1&code=x")).status == 303
    assert_harmless((await person.get("/account")).text)
    house.provider.refusal = LoginFailed(text)
    other = house.person()
    await other.get("/login")
    answer = await other.submit("/login/corp")
    assert answer.status == 403
    assert_harmless(answer.text)
