"""What strangers write into records, names and requests, on every page of a real browser: text, and nothing else (T41).

`tests/web` has each page alone with the same corpus. Here it comes the whole way: through the relay, the spool and the
store, and out by pages and by the feed that pages follow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_type_hints

import httpx
import pytest
from playwright.sync_api import Browser, Dialog

from gateway.catalog.presets import presets
from gateway.records import AttemptRecord, UsageRecord
from gateway.settings.model import UsageSettings
from gateway.usage.spool import Spool, encode
from tests.browsing import Window, needs_chromium
from tests.browsing import browser as browser  # noqa: PLC0414 # a fixture
from tests.e2e.dashboards import EMAIL, PASSWORD, address_of, dashboard, pages
from tests.gateway.usage.records import EXAMPLE, usage_record
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess
from tests.waiting import until
from tests.web.test_hostile import CORPUS
from web.page import Page

pytestmark = needs_chromium

OURS = frozenset(("id", "rest_by"))
"""Text of a record that is never somebody else's. What may be one of few words only is not text."""

ALSO = (
    "/spend?by=user",
    "/spend?by=team",
    "/spend?by=model",
    "/spend?by=provider",
    "/spend?by=credential",
    "/spend?by=key",
    "/latency?by=model",
    "/latency?by=provider",
    "/requests?errors=1",
    f"/requests?search={CORPUS[0]}",
    "/audit?action=user.created",
)
"""Pages with a choice that shows other words than they do by themselves."""

WRONG = """(ours) => {
const leads = /^(href|src|action|formaction|data|xlink:href|hx-(get|post|put|patch|delete)|sse-connect)$/;
return [...document.querySelectorAll("*")].filter((each) =>
  [...each.attributes].some(
    (said) => said.name.startsWith("on")
      || (leads.test(said.name) && !/^(\\/|#|\\?|$)/.test(said.value) && !ours.includes(said.value))
  )
  || (each.tagName === "SCRIPT" && !new URL(each.src, location).pathname.startsWith("/static/"))
).map((each) => each.outerHTML.slice(0, 200));
}"""
"""Elements that would do what a stranger says, given addresses elsewhere that we say ourselves."""

LINKS = [preset.docs for preset in presets().values()]


def written(text: str) -> UsageRecord:
    """A record whose every word is this one."""
    tries = tuple(
        AttemptRecord(**{name: said(AttemptRecord, name, getattr(each, name), text) for name in each.__struct_fields__})
        for each in EXAMPLE.attempts
    )
    fields = {name: said(UsageRecord, name, getattr(EXAMPLE, name), text) for name in EXAMPLE.__struct_fields__}
    changed = {**fields, "attempts": tries, "tags": (text,), "dropped": (text,), "status": 500}
    return usage_record(**{name: value for name, value in changed.items() if name not in ("id", "started_at_us")})


def said(kind: type, name: str, value: Any, text: str) -> Any:
    """The value of a field, or the text where it is one."""
    is_text = get_type_hints(kind)[name] in (str, str | None)
    return text if is_text and name not in OURS else value


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with dashboard(tmp_path_factory.mktemp("hostile"), mock.url) as made:
        spool = Spool(made.data_dir / "spool", 9, UsageSettings(segment_seconds=0.1))
        for text in CORPUS:
            spool.append(encode(written(text)))
        spool.close()
        for text in CORPUS:
            ask(made, text)
        until(lambda: len(made.usage()) == 2 * len(CORPUS), 20)
        yield made


def ask(gateway: GatewayProcess, text: str) -> None:
    """A real request in which a client says it wherever it can."""
    headers = {
        "authorization": f"Bearer {gateway.key}",
        "user-agent": text.encode("ascii", "replace").decode(),
        "x-sluicegate-tags": text.encode("ascii", "replace").decode(),
    }
    body = {"model": f"mock/{text}", "messages": [{"role": "user", "content": text}], "user": text}
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=20) as client:
        client.post("/v1/chat/completions", content=json.dumps(body), headers=headers)


@pytest.fixture(scope="module")
def window(browser: Browser, gateway: GatewayProcess) -> Iterator[Window]:
    window = Window(browser, gateway.url)
    window.page.on("dialog", lambda dialog: opened(window, dialog))
    window.log_in(EMAIL, PASSWORD)
    for number, text in enumerate(CORPUS):
        make(window, "/api/users", {"email": f"x{number}@example.com", "name": text, "invite": False})
        make(window, "/api/teams", {"name": text})
        make(window, "/api/keys", {"name": text})
    window.wrong.clear()  # refusals are said on the console
    yield window
    window.close()


def opened(window: Window, dialog: Dialog) -> None:
    """Somebody's script has run."""
    window.wrong.append(f"a dialog: {dialog.message}")
    dialog.dismiss()


MAKE = """
async ([path, body]) => {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  return [answer.status, await answer.text()];
}
"""


def make(window: Window, path: str, body: dict[str, Any]) -> None:
    """As a script of the page would. What the API does not take is not kept, and is seen by nobody."""
    status, text = window.page.evaluate(MAKE, [path, body])
    assert status in (201, 400, 422), text


def check_harmless(window: Window) -> None:
    """Nothing was done, and nothing is there that could be."""
    window.check()
    assert window.page.evaluate(WRONG, LINKS) == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.path)
def test_on_every_page_it_is_text(window: Window, page: Page) -> None:
    where = address_of(page, window)
    if where is not None:
        window.open(where)
        check_harmless(window)


@pytest.mark.parametrize("where", ALSO)
def test_however_it_is_looked_at_it_is_text(window: Window, where: str) -> None:
    window.open(where)
    check_harmless(window)


def test_what_was_written_is_shown(window: Window) -> None:
    """Else none of this would mean anything."""
    shown = window.open("/requests").inner_text("main")
    assert all(text[:20] in shown for text in CORPUS[:5])


def test_what_comes_while_somebody_looks_is_text(window: Window, gateway: GatewayProcess) -> None:
    page = window.open("/live")
    for text in CORPUS[::-1]:
        ask(gateway, text)
    page.get_by_text(CORPUS[0][:12]).first.wait_for()
    check_harmless(window)
