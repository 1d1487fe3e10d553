"""The dashboard as somebody with a browser sees it: pages of an application in this process, cookies, forms.

The office behind it is real, with a database of its own; the way in is the control process's own. Providers of
identities say what the test wants.
"""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from msgspec import structs

from gateway.access.oidc import Flow, Identity
from gateway.access.sessions import session_cookie
from gateway.api.management.entrance import Door
from gateway.api.management.probes import ask
from gateway.application import new_application
from gateway.browsers import guarding, is_secure
from gateway.catalog.served import ServedList
from gateway.errors import LoginFailed
from gateway.live.feed import Facts, Feed
from gateway.management import people
from gateway.management.office import Office
from gateway.management.probes import Found
from gateway.management.sessions import Started, Visit
from gateway.records import Credential, JobReport, Price, Provider, RegistryState
from gateway.settings.model import LoginProviderSettings, LoginSettings, ServerSettings, Settings
from tests.gateway.management.crowd import PASSWORD as PASSWORD  # noqa: PLC0414 # for whoever comes by the pages
from tests.gateway.management.crowd import begin
from tests.gateway.management.offices import OPERATOR, office_in
from tests.web.foreseen import Foreseen
from tests.web.overseen import Inspected, Teller
from tests.web.playing import Playing
from tests.web.stand_ins import Counts, NobodyAsks, NobodyRests, Supervisor
from tests.web.store import Store
from web.burning import Ration
from web.colours import Colours
from web.headline import Totals
from web.page import Site
from web.ranks import ranked
from web.site import add_pages

OTHER_PASSWORD = "seven quiet herons"
ORIGIN = "https://gate.example"
PATIENCE = 30.0
"""Seconds in which a machine with much else to do answers too."""
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CORP = LoginProviderSettings(id="corp", client_id="us", issuer="https://login.corp.example", label="Corp")


class IdentityProvider:
    """A provider that says what it is told to say."""

    def __init__(self) -> None:
        self.identity = Identity("corp", "ada-1", "ada@example.com", True, "Ada")
        self.refusal: LoginFailed | None = None
        self.begun: list[str] = []
        """Where it was told to send browsers back to."""

    async def begin(self, provider: LoginProviderSettings, redirect_uri: str) -> Flow:
        if self.refusal is not None:
            raise self.refusal
        self.begun.append(redirect_uri)
        state = f"state-{len(self.begun)}"
        return Flow(provider.id, redirect_uri, state, "nonce", "verifier", f"https://login.corp.example/?state={state}")

    async def finish(self, provider: LoginProviderSettings, flow: Flow, query: Mapping[str, str]) -> Identity:
        if self.refusal is not None:
            raise self.refusal
        return self.identity


class Surroundings:
    """A control process around the pages, which says what the test wants."""

    def __init__(self) -> None:
        self.providers: tuple[Provider, ...] = ()
        self.lists: dict[str, ServedList] = {}
        """What providers say they serve."""
        self.pools: Any = NobodyRests()
        """Or a board, of a test that has one."""
        self.oversight = Counts()
        self.foresight = Foreseen()
        self.playing = Playing()
        self.rolled_until_us = 0
        self.queries: Any = NobodyAsks()
        """Or those of a store, of a test that has one."""
        self.reloads = Supervisor()
        self.feed = Feed(lambda: Facts({}, 0.0, {}), most=10)
        self.alerts = Teller()
        self.inspection = Inspected()
        self.budgets: list[Ration] = []
        self.bears: Callable[[Ration, Collection[str]], bool] = lambda ration, key_ids: ration.whom.of in key_ids
        """Whether a request with one of these keys counts against it."""
        self.prices: dict[tuple[str, str], Price] = {}
        self.ingest: dict[str, Any] = {
            "segments_waiting": 0,
            "spool_bytes": 0,
            "records_taken": 0,
            "lines_refused": 0,
            "segments_set_aside": 0,
            "last_taken_at": None,
            "trouble": None,
        }
        self.reports: list[JobReport] = []
        self.begun: list[str] = []
        """Jobs that were asked for."""

    def price_of(self, provider: str, model: str) -> Price | None:
        return self.prices.get((provider, model))

    async def ask(self, provider: Provider, credential: Credential, model: str, settings: Settings) -> Found:
        return await ask(provider, credential, model, settings)

    def listed(self, provider: Provider) -> ServedList | None:
        return self.lists.get(provider.id)

    async def rations(self, key_ids: Collection[str] | None = None) -> Sequence[Ration]:
        return self.budgets if key_ids is None else [each for each in self.budgets if self.bears(each, key_ids)]

    def ingest_state(self) -> Mapping[str, Any]:
        return self.ingest

    async def job_reports(self) -> Sequence[JobReport]:
        return self.reports

    def run_job(self, name: str) -> None:
        self.begun.append(name)

    def registry_state(self) -> RegistryState:
        return RegistryState("2026-11-20", "bundled", 100)


class Forms(HTMLParser):
    """The forms of a page: hidden fields and names of the others, by where they go."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            # One that asks for something has its fields in the address and changes nothing.
            self._open = said["method"] == "post"
            if self._open:
                self.found.append((said["action"], {}))
        elif tag == "input" and self._open and "name" in said and said.get("type") != "checkbox":
            self.found[-1][1][said["name"]] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "form"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    text: str
    path: str

    @property
    def to(self) -> str:
        """Where the browser is sent."""
        return str(self.headers.get("location", ""))

    @property
    def going_to(self) -> str:
        """The page of somebody else that the browser goes on to by itself."""
        found = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', self.text)
        return html.unescape(found[1]) if found else ""

    @property
    def forms(self) -> list[tuple[str, dict[str, str]]]:
        parser = Forms()
        parser.feed(self.text)
        return parser.found

    def form(self, action: str) -> dict[str, str]:
        """The fields of the first form for this, as they are before anybody types."""
        return next(fields for where, fields in self.forms if where == action)

    def cookie(self, name: str) -> str:
        """The `set-cookie` header of a cookie; empty where there is none."""
        return next((each for each in self.headers.get_list("set-cookie") if each.startswith(f"{name}=")), "")


@dataclass
class Person:
    """Somebody with a browser of their own. It sends what browsers send; `fetch_metadata` is what old ones lack.

    `app` is an application in this process, or None for whatever answers at `origin`.
    """

    app: Any
    origin: str = ORIGIN
    address: str = "192.0.2.7"
    fetch_metadata: bool = True
    cookies: dict[str, str] = field(default_factory=dict)
    last: Answer | None = None

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._ask("GET", path, b"", headers)

    async def post(self, path: str, fields: Mapping[str, Any], **headers: str) -> Answer:
        """A form sent from one of our pages, unless headers say otherwise; a header without a value is not sent."""
        said = {"content-type": "application/x-www-form-urlencoded", **headers}
        if self.fetch_metadata:
            said = {"sec-fetch-site": "same-origin", "origin": self.origin, **said}
        body = urlencode(fields, doseq=True).encode()
        return await self._ask("POST", path, body, {name: value for name, value in said.items() if value})

    async def submit(self, action: str, **typed: Any) -> Answer:
        """Fill in a form of the page that is open, and send it."""
        assert self.last is not None
        return await self.post(action, {**self.last.form(action), **typed})

    async def follow(self) -> Answer:
        """Go where the last answer sent the browser."""
        assert self.last is not None
        assert self.last.status == 303, self.last.text
        return await self.get(self.last.to)

    async def log_in(self, email: str, password: str = PASSWORD) -> Answer:
        await self.get("/login")
        return await self.submit("/login", email=email, password=password)

    def have(self, started: Started) -> None:
        """Come with this session from now on."""
        cookie = session_cookie(secure=self.origin.startswith("https:"))
        self._keep(cookie.set(started.value, started.max_age_seconds).decode())

    async def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(self.origin)
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        said = {
            "x-sluicegate-forwarded": "1",
            "x-sluicegate-client": self.address,
            "x-sluicegate-scheme": parts.scheme,
            "x-sluicegate-host": parts.netloc,
            "user-agent": FIREFOX,
            **({"cookie": kept} if kept else {}),
            **headers,
        }
        transport = httpx.ASGITransport(self.app) if self.app is not None else httpx.AsyncHTTPTransport()
        async with httpx.AsyncClient(transport=transport, base_url=self.origin, timeout=PATIENCE) as client:
            answer = await client.request(method, path, content=body, headers=said)
        self.last = Answer(answer.status_code, answer.headers, answer.text, path)
        for line in answer.headers.get_list("set-cookie"):
            self._keep(line)
        return self.last

    def _keep(self, line: str) -> None:
        """As RFC 6265bis has it, as far as it concerns us."""
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        assert "HttpOnly" in attributes
        assert "Path=/" in attributes
        if name.startswith("__Host-"):
            assert "Secure" in attributes
            assert not any(each.startswith("Domain") for each in attributes)
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        elif "Secure" not in attributes or self.origin.startswith(("https:", "http://localhost", "http://127.")):
            self.cookies[name] = value


@dataclass
class House:
    """A dashboard, the office behind it, and the provider that people may log in at."""

    app: Any
    office: Office
    provider: IdentityProvider
    site: Site
    around: Surroundings

    def person(self, **more: Any) -> Person:
        return Person(self.app, **more)

    async def signed_in(self, email: str, **more: Any) -> Person:
        """Somebody who has a session. Logging in has tests of its own; a password takes a core's time."""
        person = self.person(**more)
        user = await people.find_user(self.office, OPERATOR, email)
        started = await begin(self.office, user, Visit(person.address, FIREFOX))
        person.have(started)
        return person


@asynccontextmanager
async def house_in(
    directory: Path,
    login: LoginSettings | None = None,
    *,
    demo: bool = False,
    server: Mapping[str, Any] | None = None,
    pages: Sequence[Any] = (),
    store: Store | None = None,
) -> AsyncIterator[House]:
    """A dashboard over a database in `directory`; `pages` are others than the usual, `store` is what is known of
    requests."""
    settings = Settings(login=login or LoginSettings(providers=(CORP,)))
    async with office_in(directory, settings=settings) as office:
        if server:
            office.settings = _with_server(office.settings, directory, server)
        provider = IdentityProvider()
        app = new_application()
        around = Surroundings()
        site = site_of(office, provider, demo=demo, read=store.read if store is not None else None, around=around)
        add_pages(app, site, tuple(pages)) if pages else add_pages(app, site)
        await app.start()  # type: ignore[no-untyped-call] # BlackSheep's own

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, guarding(send, secure=is_secure(dict(scope["headers"]))))

        yield House(guarded, office, provider, site, around)


def site_of(
    office: Office,
    provider: IdentityProvider | None = None,
    *,
    demo: bool = False,
    read: Any = None,
    around: Surroundings | None = None,
) -> Site:
    """What pages are made from."""
    asked = read or _no_usage
    around = around or Surroundings()
    return Site(
        read=asked,
        settings=lambda: office.settings,
        demo=demo,
        version="1.2.3",
        started_at_us=0,
        endpoints=("/v1/chat/completions",),
        office=office,
        entrance=Door(office, "the operator's token", demo=demo),
        login=provider or IdentityProvider(),
        colours=Colours(partial(ranked, asked, lambda: around.rolled_until_us)),
        around=around,
    )


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


OF_NOTHING: Mapping[str, dict[str, Any]] = {
    "overview/keys": {"keys": 0},
    "overview/totals": {name: value for name, value in asdict(Totals()).items() if name != "keys"},
}
"""The row of statements that have one even where there is no request."""


async def _no_usage(name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    return [OF_NOTHING[name]] if name in OF_NOTHING else []


def _with_server(settings: Settings, directory: Path, server: Mapping[str, Any]) -> Settings:
    return structs.replace(settings, server=ServerSettings(data_dir=str(directory), **server))
