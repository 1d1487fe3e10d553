"""Every page in a real browser: full and empty, in both themes, on a desk and on a phone.

Nothing on the console, no violation of the policy, nothing serious for axe, no more than two requests for content.
Pictures are kept.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browsing import Theme, Window, needs_chromium
from tests.browsing import browser as browser  # noqa: PLC0414 # a fixture
from tests.e2e.dashboards import EMAIL, PASSWORD, ROWS, address_of, dashboard, pages
from tests.e2e.fitting import OVERLAPPING, SPILT, check_fits
from tests.gateway_process import GatewayProcess
from tests.node_packages import scripts as scripts  # noqa: PLC0414 # a fixture
from tests.providers import MockProcess
from tests.web.saved import TYPES, Links, csv_rows
from web.page import Page
from web.pages.requests import COLUMNS

pytestmark = [needs_chromium, pytest.mark.needs("node"), pytest.mark.usefixtures("scripts")]

WIDTHS = {"desk": 1440, "phone": 390}
BETWEEN = (1280, 1180)
"""Narrower desks, where a page must fit too."""

LIGHT = 60_000
"""Bytes of a page with all that comes with it, packed, at most."""

FIRST_LOAD = """
performance.getEntries().filter((each) => each.encodedBodySize && !each.name.includes("?block="))
  .reduce((sum, each) => sum + each.encodedBodySize, 0)
"""
"""What came over the wire for the page, or had come for another one before it."""

THEMES: tuple[Theme, ...] = ("light", "dark")

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.path)


@pytest.fixture(scope="module")
def full(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with dashboard(tmp_path_factory.mktemp("full"), mock.url, rows=ROWS) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def empty(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with dashboard(tmp_path_factory.mktemp("empty"), mock.url) as gateway:
        yield gateway


class Windows:
    """Olga's windows at one gateway, a theme and a width each; she logs in once."""

    def __init__(self, browser: Browser, gateway: GatewayProcess) -> None:
        self._browser, self._gateway = browser, gateway
        first = Window(browser, gateway.url)
        first.log_in(EMAIL, PASSWORD)
        self._cookies = first.context.cookies()
        first.close()
        self._open: dict[tuple[Theme, str], Window] = {}

    def of(self, theme: Theme, width: str) -> Window:
        if (theme, width) not in self._open:
            window = Window(self._browser, self._gateway.url, theme=theme, width=WIDTHS[width])
            window.context.add_cookies(self._cookies)  # type: ignore[arg-type] # as it gave them
            self._open[theme, width] = window
        return self._open[theme, width]

    def another(self, browser: Browser, width: int, *, scripts: bool = True) -> Window:
        """One that is closed by whoever asks."""
        window = Window(browser, self._gateway.url, width=width, scripts=scripts)
        window.context.add_cookies(self._cookies)  # type: ignore[arg-type] # as it gave them
        return window


@pytest.fixture(scope="module")
def at_full(browser: Browser, full: GatewayProcess) -> Windows:
    return Windows(browser, full)


@pytest.fixture(scope="module")
def at_empty(browser: Browser, empty: GatewayProcess) -> Windows:
    return Windows(browser, empty)


def look(window: Window, page: Page, name: str, *, judged: bool = True) -> bool:
    """Open a page and see that all is well; whether there was anything to open."""
    where = address_of(page, window)
    if where is None:
        return False
    window.asked.clear()
    window.wrong.clear()
    window.open(where)
    assert window.page.locator("h1").count() == 1
    assert content_requests(window) <= 2
    assert window.page.evaluate(FIRST_LOAD) <= LIGHT
    window.check()
    if judged:
        window.judge()
    check_fits(window)
    window.picture(f"{name_of(page)}-{name}")
    return True


def name_of(page: Page) -> str:
    """Of its pictures."""
    return page.path.strip("/") or "overview"


def content_requests(window: Window) -> int:
    """How often something was asked for beside static files, until the page was there."""
    return sum("/static/" not in url and "/live" not in url for url in window.asked)


@each_page
def test_a_page_is_well_with_a_lot_on_it(at_full: Windows, page: Page) -> None:
    window = at_full.of("light", "desk")
    assert look(window, page, "full-light")
    for width in (*BETWEEN, WIDTHS["desk"]):
        window.page.set_viewport_size({"width": width, "height": 900})
        check_fits(window)
    window.page.emulate_media(color_scheme="dark", reduced_motion="reduce")  # at once
    try:
        window.judge()
        window.picture(f"{name_of(page)}-full-dark")
    finally:
        window.page.emulate_media(color_scheme="light")


@each_page
def test_a_page_is_well_on_a_phone(at_full: Windows, page: Page) -> None:
    # What axe finds is of colours and of the markup, which are those of the desk.
    assert look(at_full.of("dark", "phone"), page, "phone-dark", judged=False)


@each_page
def test_a_page_is_well_with_nothing_on_it(at_empty: Windows, page: Page) -> None:
    window = at_empty.of("light", "desk")
    # A request that nobody has sent has no page.
    assert look(window, page, "empty-light") or page.path == "/requests/{id}"


@pytest.mark.parametrize("theme", THEMES)
def test_the_way_in_is_well(browser: Browser, full: GatewayProcess, theme: Theme) -> None:
    window = Window(browser, full.url, theme=theme)
    for path in ("/login", "/own", "/nothing-here"):
        window.open(path)
        violations: list[str] = window.page.evaluate("window.violations")
        assert not violations
        window.judge()
        window.picture(f"{path.strip('/')}-{theme}")


@each_page
def test_the_first_files_that_a_page_offers_come_whole(at_full: Windows, page: Page) -> None:
    """To somebody with a session, by way of a worker; what is in all of them is seen where that takes no browser."""
    window = at_full.of("light", "desk")
    where = address_of(page, window)
    assert where is not None
    for link in Links(window.open(where).content()).found[: len(TYPES)]:
        answer = window.context.request.get(f"{window.url}{link.url}")
        assert (answer.status, answer.headers["content-type"]) == (200, TYPES[link.said("format")]), link.url
        if link.said("format") == "parquet":
            assert answer.body()[:4] == answer.body()[-4:] == b"PAR1"


def test_a_click_keeps_all_requests_as_a_file(at_full: Windows) -> None:
    page = at_full.of("light", "desk").open("/requests?range=30d")
    page.click("#save > summary")
    with page.expect_download() as kept:
        page.click("#save a:text('CSV')")
    assert kept.value.suggested_filename == "requests.csv"
    assert len(csv_rows(Path(kept.value.path()).read_bytes())) == ROWS
    assert page.locator("h1").inner_text() == "Requests", "the page stays"


def test_the_first_page_of_a_visit_is_light(browser: Browser, full: GatewayProcess) -> None:
    """With everything that comes with it, as a browser takes it: packed."""
    window = Window(browser, full.url)
    window.log_in(EMAIL, PASSWORD)
    said = {"accept-encoding": "gzip"}
    with httpx.Client(
        base_url=full.url, cookies={each["name"]: each["value"] for each in window.context.cookies()}
    ) as client:
        page = client.get("/", headers=said)
        kept = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
        answers = [page, *(client.get(path, headers=said) for path in kept)]
    assert len(kept) >= 4
    assert {answer.headers.get("content-encoding") for answer in answers} == {"gzip"}
    assert sum(answer.num_bytes_downloaded for answer in answers) < LIGHT


@pytest.mark.parametrize("theme", THEMES)
def test_a_chart_is_looked_at_closer_in_the_words_of_the_page(at_full: Windows, theme: Theme) -> None:
    window = at_full.of(theme, "desk")
    page = window.open("/latency?range=7d")
    chart = page.locator("#percentiles")
    assert page.evaluate("typeof uPlot") == "undefined"
    chart.locator("[data-zoom-open]").click()
    over = chart.locator(".u-over")
    expect(over).to_be_visible()
    assert chart.locator(".legend").count() == 1
    assert chart.locator(".u-legend").count() == 0
    box = over.bounding_box()
    assert box is not None
    over.hover(position={"x": 0.9 * box["width"], "y": 60})
    at = chart.locator("[data-zoom-at]")
    expect(at).not_to_be_empty()
    row = chart.locator("tbody tr", has_text=at.inner_text())
    words = row.locator("td").all_text_contents()
    assert len(words) == 3
    assert chart.locator(".legend .total").all_inner_texts() == words
    window.picture(f"zoomed-{theme}")
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 60, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=.*&to=.*#zoom"))
    expect(chart.locator(".u-over")).to_be_visible()  # who looks closer once does so again
    window.check()


@pytest.mark.parametrize("width", WIDTHS)
def test_an_invoice_is_compared_with_what_was_booked(at_full: Windows, width: str) -> None:
    window = at_full.of("light", width)
    page = window.open("/spend/invoice")
    provider = page.locator("select option").all_text_contents()[0]
    requests = csv.DictReader(window.fetch(f"/requests?provider={provider}&range=30d&format=csv")[1].splitlines())
    charges = [f"{each['started_at']},{each['model']},{each['cost_nano_usd'] or 0}e-9" for each in requests]
    page.fill("textarea", "\n".join(["start_time,model,cost_usd", *charges]))
    page.select_option("select", provider)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("main section .banner.good")).to_contain_text("agrees: the invoice says $")
    assert not page.locator("main tbody .state:not(.good)").count(), "each day and model agrees"
    first = page.locator('[aria-labelledby="days"] tbody tr').first
    expect(first.locator("td").first).to_have_text(min(charges)[:10])
    page.fill("textarea", "\n".join(["start_time,model,cost_usd", *charges[: len(charges) // 2]]))
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("main section .banner.warning")).to_contain_text("more was booked")
    window.check()
    window.judge()
    check_fits(window)
    window.picture(f"compared-{width}")


WIDE = "/requests?range=7d&columns=" + ".".join(column.name for column in COLUMNS)


SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.mark.parametrize("where", ["/?range=7d", WIDE, "/spend", "/latency?range=7d"])
def test_no_width_makes_a_page_broader_than_its_window(browser: Browser, at_full: Windows, where: str) -> None:
    window = at_full.another(browser, 1440)
    page = window.open(where)
    for width in (1280, 1180, 860, 700, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(SETTLED)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        assert page.evaluate(SPILT) == [], width
        assert page.evaluate(OVERLAPPING) == [], width
        if (where, width) == ("/spend", 860):  # the frame is another one there
            window.judge()
    window.check()
    window.close()


def test_on_a_phone_every_page_and_the_account_are_two_steps_away(browser: Browser, at_full: Windows) -> None:
    window = at_full.another(browser, 390)
    page = window.open("/requests?range=7d")
    menu = page.get_by_role("button", name="Menu")
    menu.click()
    window.judge()
    for name in ("Overview", "Configuration", "Alerts", "Audit", "System"):
        expect(page.locator("#pages").get_by_role("link", name=name)).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#pages")).to_be_hidden()
    expect(menu).to_be_focused()
    page.locator(".who > summary").click()
    expect(page.get_by_role("link", name="Your account")).to_be_in_viewport()
    page.locator("#more-filters > summary").click()
    for field in ("#f-model", "#f-dearer"):
        page.locator(field).scroll_into_view_if_needed()
        expect(page.locator("#more-filters .primary")).to_be_in_viewport()
    known = (page.locator("main a.row").first.get_attribute("href") or "").rpartition("/")[2]
    page.fill("#find", known)
    page.press("#find", "Enter")
    expect(page).to_have_url(re.compile(rf"/requests/{known}$"))
    window.check()
    window.close()


def test_a_row_opens_what_it_is_about_and_its_words_can_be_marked(browser: Browser, at_full: Windows) -> None:
    window = at_full.another(browser, 1440)
    page = window.open("/requests?range=7d&live=off")
    cell = page.locator("tbody tr").nth(2).locator("td").nth(2)
    box = cell.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 14, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 15)
    page.mouse.up()
    assert page.evaluate("getSelection().toString()")
    assert "live=off" in page.url
    page.locator("h1").click()
    cell.click()
    expect(page).to_have_url(re.compile(r"/requests/[0-9a-f-]{36}$"))
    window.check()
    window.close()


def test_menus_are_left_by_the_keyboard_and_space_presses_what_is_a_button(browser: Browser, at_full: Windows) -> None:
    window = at_full.another(browser, 1440)
    page = window.open("/requests?range=7d")
    summary = page.locator("#columns > summary")
    summary.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    expect(page.locator("#columns")).not_to_have_attribute("open", "")
    summary.press("Enter")
    summary.press("Shift+Tab")
    expect(page.locator("#columns")).not_to_have_attribute("open", "")
    page.get_by_role("button", name="Live").press("Space")
    expect(page).to_have_url(re.compile("live=off"))
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")
    window.check()
    window.close()


def test_without_a_script_rows_and_the_menu_of_a_phone_work_as_well(browser: Browser, at_full: Windows) -> None:
    window = at_full.another(browser, 390, scripts=False)
    page = window.open("/requests?range=7d")
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#pages").get_by_role("link", name="Audit")).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.locator("tbody tr").nth(2).locator("td").nth(2).click(force=True)  # what lies over it is the row's link
    expect(page).to_have_url(re.compile(r"/requests/[0-9a-f-]{36}$"))
    window.close()
