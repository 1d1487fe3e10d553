"""A morning with the gateway, in a real browser: a key is made, used with the official SDK, seen at work, paused."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import openai
import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browsing import Window, needs_chromium
from tests.browsing import browser as browser  # noqa: PLC0414 # a fixture
from tests.e2e.dashboards import EMAIL, PASSWORD, dashboard
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess

pytestmark = [needs_chromium, pytest.mark.needs("node")]

NAME = "rowers-bot"
TEXT = "How far is it to the lighthouse?"


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with dashboard(tmp_path_factory.mktemp("story"), mock.url) as made:
        yield made


def make_key(window: Window) -> str:
    """The secret of a new key, as the page shows it this once."""
    page = window.open("/keys")
    page.click("#new-key > summary")
    page.fill('#new-key input[name="name"]', NAME)
    page.click("#new-key button.primary")
    secret = page.locator("#new-secret").inner_text()
    window.open("/keys")
    assert secret not in page.content()
    return secret


def test_from_a_login_to_a_paused_key(browser: Browser, gateway: GatewayProcess) -> None:
    window = Window(browser, gateway.url)
    window.log_in(EMAIL, PASSWORD)
    client = openai.OpenAI(api_key=make_key(window), base_url=f"{gateway.url}/v1", max_retries=0)

    watched = window.open("/live")
    expect(watched.locator("#machine .value").first).to_be_visible()
    with client.chat.completions.create(
        model="mock/story", messages=[{"role": "user", "content": TEXT}], stream=True
    ) as stream:
        said = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert said

    ended = watched.locator("#ended tr")
    expect(ended).to_have_count(1)
    expect(ended).to_contain_text("story")
    expect(ended).to_contain_text(NAME)
    window.picture("story-live")

    ended.locator("a.row").click()
    expect(watched).to_have_url(re.compile(r"/requests/[0-9a-f-]{36}$"))
    expect(watched.locator("main")).to_contain_text("mock/story")
    window.picture("story-request")

    watched.locator("main a", has_text=NAME).first.click()
    expect(watched.locator("h1")).to_have_text(NAME)
    watched.get_by_role("button", name="Pause", exact=True).click()
    expect(watched.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    window.check()

    with pytest.raises(openai.PermissionDeniedError, match="paused"):
        client.chat.completions.create(model="mock/story", messages=[{"role": "user", "content": TEXT}])
    watched.get_by_role("button", name="Resume", exact=True).click()
    expect(watched.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    answer = client.chat.completions.create(model="mock/story", messages=[{"role": "user", "content": TEXT}])
    assert answer.choices[0].message.content


def test_live_follows_also_where_its_script_comes_late(browser: Browser, gateway: GatewayProcess) -> None:
    window = Window(browser, gateway.url)
    window.log_in(EMAIL, PASSWORD)

    def late(route: Route) -> None:
        time.sleep(0.5)  # of the network
        route.continue_()

    window.page.route("**/hx-sse*", late)
    watched = window.open("/live")
    expect(watched.locator("#machine .value").first).to_be_visible()
    window.check()
