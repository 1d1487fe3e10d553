"""A real browser for tests: Debian's Chromium, driven by Playwright, and what it must never say.

Knows how it is started and what is wrong with a page whatever it shows: errors on the console, violations of the
content security policy, serious findings of axe. What a page shows is the test's business. Pictures are kept in
`.screenshots` of the checkout, or where SLUICEGATE_SCREENSHOTS says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.node_packages import SCRIPTS
from tests.programs import find
from tests.source import ROOT

Theme = Literal["light", "dark"]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI || event.sample}`);
});
"""

JUDGE = """
async () => {
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  // Also of WCAG 2.1 A, though axe does not count it yet: whoever speaks says what they see. Landmarks are told apart.
  const also = { "label-content-name-mismatch": { enabled: true }, "landmark-unique": { enabled: true } };
  const found = await axe.run(document, { runOnly: rules, rules: also, resultTypes: ["violations"] });
  const counts = (each) => each.id in also || ["serious", "critical"].includes(each.impact);
  const places = (nodes) => nodes.slice(0, 4).map((node) => node.html.slice(0, 200)).join("\\n  ");
  return found.violations.filter(counts).map((each) => `${each.id}: ${each.help}\\n  ${places(each.nodes)}`);
}
"""

FETCH = """
async (path) => {
  const answer = await fetch(path);
  return [answer.status, await answer.text()];
}
"""

PICTURES = Path(os.environ.get("SLUICEGATE_SCREENSHOTS", ROOT / ".screenshots"))

ZONE = "Europe/Berlin"

needs_chromium = pytest.mark.needs("chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, until the end of the block."""
    path = find("chromium")
    assert path is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Window:
    """Somebody's window: its cookies are its own. Whatever goes wrong in it is remembered."""

    def __init__(
        self, browser: Browser, url: str, *, theme: Theme = "light", width: int = 1440, scripts: bool = True
    ) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(
            base_url=url,
            color_scheme=theme,
            viewport={"width": width, "height": 900},
            timezone_id=ZONE,
            locale="en-GB",
            java_script_enabled=scripts,
        )
        self.context.add_init_script(WATCH)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.wrong: list[str] = []
        self.asked: list[str] = []
        """Addresses that were asked for, in order."""
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.wrong.append(f"{kind}: {text}")

    def open(self, path: str) -> Page:
        """Go to a page, until it is loaded."""
        self.page.goto(path)
        return self.page

    def check(self) -> None:
        """Raises AssertionError where something has gone wrong in this window."""
        violations: list[str] = self.page.evaluate("window.violations")
        assert not self.wrong, f"{self.page.url}: {self.wrong}"
        assert not violations, f"{self.page.url}: {violations}"

    def judge(self) -> None:
        """Raises AssertionError where axe finds something serious in the page that is open."""
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate((SCRIPTS / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
        found: list[str] = self.page.evaluate(JUDGE)
        assert not found, f"{self.page.url}:\n" + "\n".join(found)

    def picture(self, name: str) -> None:
        """Keep what is to be seen, as `<name>.jpeg`."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{re.sub('[^a-z0-9-]+', '-', name.lower())}.jpeg"
        self.page.screenshot(path=path, type="jpeg", quality=80, full_page=True)

    def log_in(self, email: str, password: str) -> None:
        """By the form, as people do."""
        self.open("/login")
        self.page.fill('input[name="email"]', email)
        self.page.fill('input[name="password"]', password)
        self.page.click("button.primary")
        self.page.wait_for_url(re.compile(r".*/$"))

    def fetch(self, path: str) -> tuple[int, str]:
        """What an address answers, as a script of the page would get it."""
        said: tuple[int, str] = self.page.evaluate(FETCH, path)
        return said[0], said[1]

    def close(self) -> None:
        """Close it."""
        self.context.close()
