"""A morning with the gateway, in a real browser: a key is made, used with the official SDK, seen at work, paused."""

from __future__ import annotations

import html
import os
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import openai
import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browsing import Window, needs_chromium
from tests.browsing import browser as browser  # noqa: PLC0414 # a fixture
from tests.e2e.dashboards import EMAIL, PASSWORD, dashboard
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess

pytestmark = [needs_chromium, pytest.mark.needs("node")]

GEMINI = {"contents": [{"role": "user", "parts": [{"text": "It's me"}]}]}

CAPTURE = """
[capture]
mode = "all"
"""

NAME = "rowers-bot"
TEXT = "How far is it to the lighthouse?"


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with dashboard(tmp_path_factory.mktemp("story"), mock.url, CAPTURE) as made:
        yield made


def run(line: str, key: str) -> str:
    """What a line that a page shows gives in a shell that knows the key, as it stands."""
    environment = {"PATH": os.environ["PATH"], "SLUICEGATE_KEY": key, "no_proxy": "*"}
    done = subprocess.run(["sh", "-c", line], capture_output=True, env=environment, timeout=30, check=True)
    return done.stdout.decode()


def make_key(window: Window) -> tuple[str, str]:
    """The secret of a new key, as the page shows it this once, and the line to try it."""
    page = window.open("/keys")
    page.click("#new-key > summary")
    page.fill('#new-key input[name="name"]', NAME)
    page.click("#new-key button.primary")
    secret = page.locator("#new-secret").inner_text()
    line = page.locator("#new-curl").inner_text()
    window.open("/keys")
    assert secret not in page.content()
    return secret, line


def test_from_a_login_to_a_paused_key(browser: Browser, gateway: GatewayProcess) -> None:
    window = Window(browser, gateway.url)
    window.log_in(EMAIL, PASSWORD)
    secret, line = make_key(window)
    client = openai.OpenAI(api_key=secret, base_url=f"{gateway.url}/v1", max_retries=0)

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
    assert "choices" in run(line, "")


ASKED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "It's me"}], "stream": True}, "chat.completion"),
    ("/v1/responses", {"input": "It's me", "store": False}, '"object":"response"'),
    ("/v1/messages", {"max_tokens": 99, "messages": [{"role": "user", "content": "It's me"}]}, '"type":"message"'),
    ("/v1beta/models/{model}:generateContent", GEMINI, '"candidates"'),
    ("/v1beta/models/{model}:streamGenerateContent", GEMINI, "data: {"),
    ("/v1/embeddings", {"input": "It's me"}, '"embedding"'),
)
"""By endpoint what is asked, and what is in its answer."""

MODEL = "mock/gpt-4o-mini"


def line_in(page: str) -> str:
    """The line to copy on the page of a request."""
    found = re.search(r'<code id="curl">(.*?)</code>', page, re.DOTALL)
    assert found is not None, page
    return html.unescape(found[1])


def test_every_line_to_copy_runs_as_it_stands(browser: Browser, gateway: GatewayProcess) -> None:
    """By the same words as before where they are shown, by a greeting where they are not."""
    window = Window(browser, gateway.url)
    window.log_in(EMAIL, PASSWORD)
    for number, (endpoint, body, _) in enumerate(ASKED):
        fields = body if "{model}" in endpoint else {"model": MODEL, **body}
        path = endpoint.replace("{model}", quote(MODEL, safe=""))
        headers = {"x-goog-api-key": gateway.key, "user-agent": f"line-{number}"}
        answer = httpx.post(f"{gateway.url}{path}", json=fields, headers=headers)
        assert answer.status_code == 200, answer.text
    for number, (_, _, sign) in enumerate(ASKED):
        place = f"/requests/{gateway.record(f'line-{number}')['id']}"
        for more, said in (("", "Hello"), ("?bodies=show", "It's me")):
            line = line_in(window.fetch(f"{place}{more}")[1])
            assert said in line.replace("'\"'\"'", "'"), line
            assert sign in run(line, gateway.key), line
    window.check()


def test_the_line_of_one_s_own_key_runs_as_it_stands(browser: Browser, gateway: GatewayProcess) -> None:
    window = Window(browser, gateway.url)
    page = window.open("/own")
    page.fill('input[name="key"]', gateway.key)
    page.click("main button.primary")
    assert "choices" in run(page.locator("#own-curl").inner_text(), gateway.key)


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
