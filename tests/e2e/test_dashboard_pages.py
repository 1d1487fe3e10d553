"""Every page in a real browser: full and empty, in both themes, on a desk and on a phone.

Nothing on the console, no violation of the policy, nothing serious for axe, no more than two requests for content.
Pictures are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browsing import Theme, Window, needs_chromium
from tests.browsing import browser as browser  # noqa: PLC0414 # a fixture
from tests.e2e.dashboards import EMAIL, PASSWORD, ROWS, address_of, dashboard, pages
from tests.gateway_process import GatewayProcess
from tests.node_packages import scripts as scripts  # noqa: PLC0414 # a fixture
from tests.providers import MockProcess
from web.page import Page

pytestmark = [needs_chromium, pytest.mark.needs("node"), pytest.mark.usefixtures("scripts")]

WIDTHS = {"desk": 1440, "phone": 390}
BETWEEN = (1280, 1180)
"""Narrower desks, where a page must fit too."""

FITS = """
async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const held = (node, panel) => {
    for (let at = node.parentElement; at && at !== panel; at = at.parentElement) {
      if (getComputedStyle(at).overflowX !== "visible") return true;
    }
    return false;
  };
  const root = document.documentElement;
  const found = root.scrollWidth > root.clientWidth ? [`the page: ${root.scrollWidth - root.clientWidth}`] : [];
  for (const panel of document.querySelectorAll("main .panel")) {
    const end = panel.getBoundingClientRect().right;
    const title = panel.querySelector("h2, h4, figcaption")?.textContent ?? "";
    for (const node of panel.querySelectorAll(":not(svg *, .unseen)")) {
      const over = node.getBoundingClientRect().right - end;
      if (over > 0.5 && node.getClientRects().length && !held(node, panel)) {
        found.push(`${title}: ${node.localName}.${node.className}: ${Math.round(over)}`);
        break;
      }
    }
  }
  return found;
}
"""
"""Panels that something sticks out of, and by how much; what a scroller holds is not out. uPlot needs a frame or two to
follow a window."""

TOO_WIDE: Mapping[tuple[str, int], tuple[str, ...]] = MappingProxyType({("/", 1180): ("Providers: ",)})
"""What still sticks out, by page and width; nothing may be added."""
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
    check_fits(window, page)
    window.picture(f"{name_of(page)}-{name}")
    return True


def check_fits(window: Window, page: Page) -> None:
    """Raises AssertionError where something sticks out of what holds it, at the width that the window has."""
    found: list[str] = window.page.evaluate(FITS)
    size = window.page.viewport_size
    assert size is not None
    known = TOO_WIDE.get((page.path, size["width"]), ())
    wrong = [each for each in found if not any(each.startswith(begin) for begin in known)]
    assert not wrong, f"{window.page.url} at {size['width']} pixels: {wrong}"


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
        check_fits(window, page)
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
