"""Every page in a real browser: full and empty, in both themes, on a desk and on a phone.

Nothing on the console, no violation of the policy, nothing serious for axe, no more than two requests for content.
Pictures are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browsing import Theme, Window, needs_chromium
from tests.browsing import browser as browser  # noqa: PLC0414 # a fixture
from tests.e2e.dashboards import EMAIL, PASSWORD, ROWS, address_of, dashboard, pages
from tests.gateway_process import GatewayProcess
from tests.node_packages import scripts as scripts  # noqa: PLC0414 # a fixture
from tests.providers import MockProcess
from tests.web.saved import TYPES, Links, csv_rows
from web.page import Page

pytestmark = [needs_chromium, pytest.mark.needs("node"), pytest.mark.usefixtures("scripts")]

WIDTHS = {"desk": 1440, "phone": 390}
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
    window.check()
    if judged:
        window.judge()
    width = window.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{where} is {width} pixels wider than the window"
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
def test_every_file_that_a_page_offers_comes_whole(at_full: Windows, page: Page) -> None:
    """To somebody with a session, by way of a worker."""
    window = at_full.of("light", "desk")
    where = address_of(page, window)
    assert where is not None
    for link in Links(window.open(where).content()).found:
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
    assert sum(answer.num_bytes_downloaded for answer in answers) < 60_000
