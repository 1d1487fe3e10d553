"""The playground over a whole gateway: words as they come, a stop that reaches the provider, and the same without a
script."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway import operator
from tests.browsing import Window, needs_chromium
from tests.browsing import browser as browser  # noqa: PLC0414 # a fixture
from tests.e2e.dashboards import EMAIL, PASSWORD, dashboard
from tests.e2e.test_captures import bodies
from tests.e2e.wire import ask, request
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess
from web import dialects
from web.dialects import Talk, Turn, target_of

pytestmark = needs_chromium

SLOW = "mock/gpt-4o-mini;chunks=2000;pace=20ms"
ONCE = "mock/gpt-4o-mini;chunks=3;text=Three%20small%20words"


CAPTURE = """
[capture]
mode = "all"
"""

SPEAKING = """
[[providers]]
id       = "{id}"
format   = "{format}"
base_url = "{mock}{path}"

[[providers.credentials]]
name    = "only"
api_key = "sk-secret-of-the-provider"
"""

DIALECTS = (
    {"id": "responses", "format": "openai_responses", "path": "/v1"},
    {"id": "messages", "format": "anthropic", "path": ""},
    {"id": "gemini", "format": "gemini", "path": ""},
)
MODELS = ("mock/gpt-4o-mini", "responses/gpt-4o-mini", "messages/claude-sonnet-4-5", "gemini/gemini-2.5-pro")

BY_HAND = """() => {
  window.fetch = async (address, { signal }) => new Response(new ReadableStream({ start(stream) {
    window.tell = (said) => stream.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(said)}\n\n`));
    signal.addEventListener("abort", () => stream.error(new DOMException("", "AbortError")));
  } }), { headers: { "content-type": "text/event-stream" } });
}"""
"""An answer that comes as the test says it."""

STATE = '<b id="play-state">{}</b>'


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    more = CAPTURE + "".join(SPEAKING.format(**each, mock=mock.url) for each in DIALECTS)
    with dashboard(tmp_path_factory.mktemp("playground"), mock.url, more) as running:
        yield running


def test_words_come_one_by_one_and_a_stop_reaches_the_provider(browser: Browser, gateway: GatewayProcess) -> None:
    window = Window(browser, gateway.url)
    window.log_in(EMAIL, PASSWORD)
    page = window.open("/playground")
    page.click("text=Make one for an hour")
    page.fill("#p-model", SLOW)
    page.fill("#p-message", "Take your time.")
    page.select_option("#p-format", "anthropic")
    page.click("#send")
    answer = page.locator("#answer")
    expect(answer).not_to_be_empty()
    before = answer.inner_text()
    expect(answer).not_to_have_text(before)
    expect(page.locator("#play-state")).to_have_text("answering")
    page.click("#stop")
    expect(page.locator("#trouble")).to_contain_text("Stopped.")
    expect(page.locator("#send")).to_be_enabled()
    # What had come of it stays part of the conversation, which goes on.
    page.fill("#p-model", ONCE)
    page.fill("#p-message", "And now be brief.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#play-state")).to_have_text("answered")
    expect(page.locator(".talk > li.theirs").nth(1)).to_contain_text("Three small words")
    assert page.locator('input[name="turn"]').count() == 4
    expect(page.locator("#outcome")).to_contain_text("mock/gpt-4o-mini")
    expect(page.locator("#outcome")).not_to_contain_text("not booked yet")
    window.check()
    href = page.locator("#outcome a", has_text="The request's page").get_attribute("href")
    assert href is not None
    page.goto(f"{href}?bodies=show")
    expect(page.locator("#bodies")).to_contain_text("And now be brief.")
    window.open("/requests?outcome=left")
    expect(page.locator('tr[id^="r-"]')).to_have_count(1, timeout=15_000)
    window.close()


def test_what_has_ended_cannot_be_stopped(browser: Browser, gateway: GatewayProcess) -> None:
    """The record of it is waited for, and that is not the answer."""
    window = Window(browser, gateway.url)
    window.log_in(EMAIL, PASSWORD)
    page = window.open("/playground")
    page.evaluate(BY_HAND)
    page.fill("#p-model", ONCE)
    page.fill("#p-message", "Hello")
    page.click("#send")
    expect(page.locator("#stop")).to_be_visible()
    tell(page, outcome=STATE.format("answering"))
    page.locator("#stop").focus()
    tell(page, outcome=STATE.format("answered"), answered=True, over=True)
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.locator("#send")).to_be_enabled()
    expect(page.locator("#p-message")).to_be_focused()
    page.evaluate("document.getElementById('stop').click()")
    tell(page, outcome=STATE.format("answered") + "<p>booked</p>")
    expect(page.locator("#outcome")).to_contain_text("booked")
    expect(page.locator("#play-state")).to_have_text("answered")
    expect(page.locator("#trouble")).to_be_hidden()
    window.close()


def test_what_was_typed_stays_whatever_fails(browser: Browser, gateway: GatewayProcess) -> None:
    window = Window(browser, gateway.url)
    window.log_in(EMAIL, PASSWORD)
    page = window.open("/playground")
    page.select_option("#p-format", "anthropic")
    page.fill("#p-model", "mock/gpt-4o-mini;status=400")
    page.fill("#p-message", "Say it again.")
    page.uncheck('input[name="stream"][type="checkbox"]')
    page.click("#send")
    expect(page.locator("#trouble")).to_contain_text("Show a client key")
    page.click("text=Make one for an hour")
    expect(page.locator("text=made for this")).to_be_visible()
    page.click("#send")
    expect(page.locator("#play-state")).to_have_text("failed")
    page.reload()
    expect(page.locator("#p-format")).to_have_value("anthropic")
    expect(page.locator("#p-model")).to_have_value("mock/gpt-4o-mini;status=400")
    expect(page.locator("#p-message")).to_have_value("Say it again.")
    expect(page.locator('input[name="stream"][type="checkbox"]')).not_to_be_checked()
    page.fill("#p-model", ONCE)
    page.click("#send")
    expect(page.locator(".talk > li.theirs")).to_contain_text("Three small words")
    page.reload()
    assert page.locator('input[name="turn"]').evaluate_all("all => all.map((each) => each.value)") == [
        "USay it again.",
        "MThree small words",
    ]
    window.check()
    page.click("text=Start over")
    expect(page.locator("#p-model")).to_have_value("")
    window.close()


def tell(page: Page, **said: object) -> None:
    page.evaluate("(said) => window.tell(said)", said)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_told_of_a_request_is_what_its_provider_is_sent(
    gateway: GatewayProcess, model: str, *, stream: bool
) -> None:
    with ThreadPoolExecutor(1) as thread:  # the driver of the browser has an event loop of its own in this one
        for dialect in dialects.DIALECTS.values():
            talk = Talk(model, (Turn("user", "Hi"),), "Be short.", temperature=0.5, max_tokens=99, stream=stream)
            path, body = dialect.path_of(talk), dialect.write(talk)
            question = {"endpoint": path, "model": model, "key": "tester", "body": body, "bodies": True}
            said = operator.tell(gateway.data_dir, "POST", "/api/explain", question)
            data = request("POST", target_of(path, model), json.dumps(body).encode())
            answer = thread.submit(asyncio.run, ask(gateway.port, data)).result()
            assert answer.status == 200, answer
            heard = bodies(gateway, answer.header("x-sluicegate-request-id") or "")
            sent, asked = (each["request"]["body"] for each in (heard["attempts"][0], heard))
            as_it_went = asked if sent["same_as"] == "request" else sent
            assert json.loads(as_it_went["text"]) == said["targets"][0]["body"], dialect.name


def test_without_a_script_the_form_does_the_same(browser: Browser, gateway: GatewayProcess) -> None:
    window = Window(browser, gateway.url)
    window.log_in(EMAIL, PASSWORD)
    context = browser.new_context(base_url=gateway.url, java_script_enabled=False)
    context.add_cookies(window.context.cookies())  # type: ignore[arg-type] # as it gave them
    page = context.new_page()
    page.goto("/playground")
    page.click("text=Make one for an hour")
    page.fill("#p-model", ONCE)
    page.fill("#p-message", "Hello")
    page.click("#send")
    expect(page.locator(".talk > li.theirs")).to_contain_text("Three small words")
    expect(page.locator("#play-state")).to_have_text(re.compile("answered"))
    page.fill("#p-message", "And again")
    page.click("text=Edit as JSON")
    expect(page.locator("#p-body")).to_have_value(re.compile("And again"))
    page.click("text=Preview")
    expect(page.locator("#outcome")).to_contain_text("would be sent")
    context.close()
    window.close()
