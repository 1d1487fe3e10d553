"""The Live page in a real browser: what moves there, what stays where it is, and what it says when it is cut off."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import Window, needs_chromium
from tests.browsing import browser as browser  # noqa: PLC0414 # a fixture
from tests.e2e.dashboards import EMAIL, PASSWORD, dashboard
from tests.e2e.outages import breakable
from tests.e2e.watching import Client
from tests.gateway_process import GatewayProcess
from tests.postgres import needs_postgres
from tests.providers import MockProcess

pytestmark = [needs_chromium, pytest.mark.needs("node")]

PATIENCE_MS = 20_000
"""How long the page may take to come back: a browser tries again every four seconds."""

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


TOLD_AGAIN = """() => {
  const list = document.getElementById("ended");
  const line = (id, at, text, more = "") =>
    `<tr id="r-${id}" data-at="${at}" ${more}><td><a class="row" href="/">${text}</a></td></tr>`;
  list.innerHTML = line("a", 9, "a") + line("b", 5, "b");
  list.querySelector("#r-b a").focus();
  list.insertAdjacentHTML("afterbegin", line("c", 7, "c", "data-new") + line("b", 5, "again", "data-new"));
  document.dispatchEvent(new CustomEvent("htmx:sse:after:message"));
  const shown = () => [...list.children].map((each) => each.textContent);
  const [focused, before] = [document.activeElement.textContent, shown()];
  document.activeElement.blur();
  document.dispatchEvent(new CustomEvent("htmx:sse:after:message"));
  return [focused, before, shown()];
}"""
"""Lines as they come: one that is new, and one that is there and has the focus."""

WAITING = """() => {
  const [list, fresh] = [document.getElementById("ended"), document.querySelector("[data-fresh]")];
  const line = (at, more = "") => `<tr id="r-${at}" data-at="${at}" ${more}><td>${at}</td></tr>`;
  const told = () => document.dispatchEvent(new CustomEvent("htmx:sse:after:message"));
  const come = (from, until) => {
    for (let at = from; at < until; at++) list.insertAdjacentHTML("afterbegin", line(at, "data-new"));
    told();
  };
  list.innerHTML = line(1);
  come(1, 150);
  come(149, 205);
  const [text, shown] = [fresh.textContent, list.children.length];
  fresh.click();
  return [text, shown, list.children.length, fresh.hidden];
}"""
"""Lines that come while others are read, some of them twice, and one that is there."""


@pytest.fixture(scope="module")
def gateway(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with dashboard(tmp_path_factory.mktemp("live-page"), mock.url) as made:
        yield made


@pytest.fixture
def window(browser: Browser, gateway: GatewayProcess) -> Iterator[Window]:
    with logged_in(browser, gateway) as made:
        yield made


@contextmanager
def logged_in(browser: Browser, gateway: GatewayProcess) -> Iterator[Window]:
    made = Window(browser, gateway.url)
    try:
        made.log_in(EMAIL, PASSWORD)
        yield made
    finally:
        made.close()


def followed(window: Window) -> Page:
    """The page, once it is told what happens."""
    page = window.open("/live")
    expect(page.locator("#machine .value").first).to_be_visible()
    return page


def ended(gateway: GatewayProcess, script: str) -> None:
    """One more request, until its client has the answer."""
    Client(gateway.port, f"chunks=1;{script}").done()


def test_what_ended_just_before_is_there_and_everything_once(window: Window, gateway: GatewayProcess, tag: str) -> None:
    for number in range(3):
        ended(gateway, f"tag={tag}-{number}")
        page = window.open("/live")
        expect(page.locator("#ended tr", has_text=f"{tag}-{number}")).to_have_count(1)
    ended(gateway, f"tag={tag}-last")
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-last")
    lines = page.locator("#ended tr").evaluate_all("lines => lines.map((line) => [line.id, Number(line.dataset.at)])")
    assert len({line for line, _ in lines}) == len(lines) >= 4
    assert [at for _, at in lines] == sorted((at for _, at in lines), reverse=True)
    window.check()


def test_figures_move_and_lines_stay(window: Window, gateway: GatewayProcess, tag: str) -> None:
    """Nobody who reads or has the focus there is disturbed."""
    page = followed(window)
    client = Client(gateway.port, f"chunks=600;pace=50ms;size=40;tag={tag}")
    line, region = page.locator("#underway tr", has_text=tag), page.locator(".wide.low")
    expect(line).to_contain_text("streaming")
    region.focus()
    line.evaluate("(line) => { line.known = true; }")
    since = line.locator("[data-told]").first.inner_text()
    other = Client(gateway.port, f"chunks=600;pace=50ms;tag={tag}-other")
    expect(page.locator("#underway tr").first).to_contain_text(f"{tag}-other")
    expect(line.locator("[data-told]").first).not_to_have_text(since)
    other.leave()
    expect(page.locator("#underway tr")).to_have_count(1)
    expect(page.locator("#count")).to_have_text("1 under way, 1 streaming")
    assert line.evaluate("(line) => line.known")
    client.leave()
    expect(page.locator("#underway")).to_have_text("Nothing runs at this moment.")
    expect(page.locator("#ended tr", has_text=tag).first).to_contain_text("client left")
    expect(region).to_be_focused()
    window.check()


def test_whoever_reads_with_the_keyboard_is_not_disturbed(window: Window, gateway: GatewayProcess, tag: str) -> None:
    ended(gateway, f"tag={tag}-1")
    page = followed(window)
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-1")
    page.keyboard.press("j")
    expect(page.locator("#ended a.row").first).to_be_focused()
    expect(page.locator("#held")).to_be_visible()
    ended(gateway, f"tag={tag}-2")
    fresh = page.locator("[data-fresh]")
    expect(fresh).to_have_text("1 new")
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-1")
    expect(page.locator("#ended a.row").first).to_be_focused()
    window.judge()
    page.keyboard.press("n")
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-2")
    expect(page.locator("#ended-title")).to_be_focused()
    expect(fresh).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator("#ended a.row").first).to_be_focused()
    ended(gateway, f"tag={tag}-3")
    expect(fresh).to_have_text("1 new")
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-2")
    page.locator("#ended a.row").first.blur()
    expect(page.locator("#held")).to_be_hidden()
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-3")
    window.check()


def test_of_what_waits_as_much_is_kept_as_there_is_room_for(window: Window) -> None:
    page = followed(window)
    page.keyboard.press("p")
    assert page.evaluate(WAITING) == ["203 new", 1, 200, True]


def test_what_is_asked_for_is_all_that_is_told(window: Window, gateway: GatewayProcess, tag: str) -> None:
    page = window.open("/live")
    page.fill("#f-model", f"gpt-4o-mini;chunks=1;tag={tag}-wanted")
    page.keyboard.press("Enter")
    expect(page.locator("#machine .value").first).to_be_visible()
    expect(page.locator(".chip")).to_contain_text(f"{tag}-wanted")
    ended(gateway, f"tag={tag}-other")
    ended(gateway, f"tag={tag}-wanted")
    expect(page.locator("#ended tr", has_text=tag)).to_have_count(1)
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-wanted")
    window.check()


def test_a_line_that_has_the_focus_keeps_it_when_it_is_told_again(window: Window) -> None:
    page = followed(window)
    assert page.evaluate(TOLD_AGAIN) == ["b", ["a", "b"], ["a", "c", "b"]]


def test_nothing_glides_where_that_is_not_wanted(window: Window, gateway: GatewayProcess, tag: str) -> None:
    page = followed(window)
    for number, (motion, named) in enumerate((("reduce", "none"), ("no-preference", "arrive"))):
        page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type] # one of the two
        ended(gateway, f"tag={tag}-{number}")
        line = page.locator("#ended tr", has_text=f"{tag}-{number}")
        expect(line).to_have_css("animation-name", named)


def test_on_a_phone_it_goes_on_until_the_latest_are_out_of_sight(
    window: Window, gateway: GatewayProcess, tag: str
) -> None:
    page = window.page
    page.set_viewport_size({"width": 390, "height": 780})
    for number in range(25):
        ended(gateway, f"tag={tag}-{number}")
    followed(window)
    expect(page.locator("#ended tr", has_text=tag)).to_have_count(25)
    client = Client(gateway.port, f"chunks=600;pace=50ms;size=40;tag={tag}-runs")
    expect(page.locator("#underway")).to_contain_text(f"{tag}-runs")
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_role("heading", name="Just ended").evaluate("(heading) => heading.scrollIntoView()")
    assert page.evaluate("scrollY") > 240
    expect(page.locator("#held")).to_be_hidden()
    ended(gateway, f"tag={tag}-late")
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-late")
    window.picture("live-phone")
    page.locator("#ended tr").nth(15).evaluate("(line) => line.scrollIntoView()")
    expect(page.locator("#held")).not_to_have_attribute("hidden", "")
    ended(gateway, f"tag={tag}-latest")
    expect(page.locator("[data-fresh]")).to_have_text("1 new")
    assert page.evaluate(OVERFLOW) <= 0
    window.picture("live-phone-reading")
    page.click("[data-fresh]")
    expect(page.locator("#ended tr").first).to_contain_text(f"{tag}-latest")
    expect(page.locator("#ended tr").first).to_be_in_viewport()
    client.leave()
    window.check()


def test_what_is_said_of_a_restart_is_taken_back_when_it_goes_on(window: Window, gateway: GatewayProcess) -> None:
    page = followed(window)
    control = gateway.control()
    assert control is not None
    os.kill(control, signal.SIGTERM)
    expect(page.locator("#note")).to_have_text("The gateway restarts. It goes on in a moment.")
    expect(page.locator("#note")).to_be_hidden(timeout=PATIENCE_MS)
    expect(page.locator("#lost")).to_be_hidden()
    gateway.complete()


@needs_postgres
def test_a_database_that_is_away_is_called_that_until_it_is_back(
    browser: Browser, mock: MockProcess, tmp_path: Path, tag: str
) -> None:
    with (
        breakable() as outage,
        dashboard(tmp_path, mock.url, url=outage.url) as gateway,
        logged_in(browser, gateway) as window,
    ):
        page = followed(window)
        outage.crash()
        note = page.locator("#note")
        expect(note).to_have_text("The database does not answer. It goes on as soon as it does.")
        ended(gateway, f"tag={tag}")
        outage.end()
        expect(note).to_be_hidden(timeout=PATIENCE_MS)
        expect(page.locator("#ended tr", has_text=tag)).to_have_count(1)
        assert page.url.endswith("/live"), "nobody was sent to the login"
