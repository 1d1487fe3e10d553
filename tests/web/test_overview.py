"""The overview without HTTP: what it makes of rows, whole and block by block, empty and full."""

from __future__ import annotations

import html
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from gateway.errors import ControlUnavailable
from gateway.management.office import Actor
from gateway.settings.demo import DEMO_KEY, add_demo
from gateway.settings.model import Settings
from gateway.settings.objects import ClientKeySettings
from web.browser import Browser
from web.frame import frame_of
from web.page import Site, Visit, render, render_block
from web.pages import PAGES, overview

NOW = 1_795_262_430_000_000  # 2026-11-21 12:00:30 UTC
MINUTE = 60_000_000
EMPTY_TOTALS = {
    "requests": 0,
    "errors": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "cost_nano_usd": None,
    "p50_first_byte_us": None,
    "p95_first_byte_us": None,
}
TOTALS = {
    "requests": 1_234,
    "errors": 12,
    "input_tokens": 1_000_000,
    "output_tokens": 200_000,
    "cost_nano_usd": 12_400_000_000,
    "p50_first_byte_us": 31_000,
    "p95_first_byte_us": 420_000,
}
ROW = {
    "id": "0192f0e1-0000-7000-8000-000000000001",
    "started_at_us": NOW - 12_000_000,
    "key": "team",
    "endpoint": "/v1/chat/completions",
    "requested_model": "fast",
    "provider": "mock",
    "model": "gpt-4o",
    "status": 200,
    "error": None,
    "input_tokens": 1200,
    "output_tokens": 34,
    "cost_nano_usd": 3_100_000,
    "first_byte_us": 31_000,
    "total_us": 3_100_000,
}
REFUSED = {
    **ROW,
    "id": "0192f0e1-0000-7000-8000-000000000002",
    "key": None,
    "provider": None,
    "model": None,
    "requested_model": "<script>alert(1)</script>",
    "status": 404,
    "error": "model_not_found",
    "cost_nano_usd": None,
    "first_byte_us": None,
}


class Store:
    """Answers statements with rows of the test."""

    def __init__(self, *, full: bool) -> None:
        self.asked: list[tuple[str, Mapping[str, object]]] = []
        minutes = [{"minute_us": NOW - NOW % MINUTE - ago * MINUTE, **MINUTE_ROW} for ago in (0, 3, 59)]
        self._rows: dict[str, list[dict[str, Any]]] = {
            "usage/totals": [TOTALS if full else EMPTY_TOTALS],
            "usage/per_minute": minutes if full else [],
            "usage/newest": [ROW, REFUSED] if full else [],
        }

    async def read(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        self.asked.append((name, parameters))
        return self._rows[name]


MINUTE_ROW = {"requests": 20, "errors": 5, "tokens": 100, "cost_nano_usd": 5, "p50_first_byte_us": 31_000}


def site(store: Store, *, demo: bool, settings: Settings | None = None) -> Site:
    return Site(
        read=store.read,
        settings=lambda: settings or Settings(),
        demo=demo,
        version="1.2.3",
        started_at_us=NOW - 3_720_000_000,
        endpoints=("/v1/chat/completions",),
        **dict.fromkeys(("office", "entrance", "login")),  # type: ignore[arg-type] # this page needs none of them
    )


def visit(*, all_usage: bool, host: str = "gate.example:8080") -> Visit:
    """A look by somebody who may see everybody's usage, or their own."""
    browser = Browser(
        headers={},
        origin=f"http://{host}",
        address="",
        secure=False,
        is_overheard=False,
        session=None,
        visitor="",
        is_new=True,
        key=b"",
    )
    permissions = frozenset({"usage:read" if all_usage else "usage:own"})
    return Visit(browser=browser, now_us=NOW, actor=Actor(kind="user", name="ada", permissions=permissions))


async def page_of(*, full: bool, all_usage: bool = True, demo: bool = False, settings: Settings | None = None) -> str:
    made, seen = site(Store(full=full), demo=demo, settings=settings), visit(all_usage=all_usage)
    context = await overview.load(made, seen)
    return render(overview.PAGE, context, frame_of(made, PAGES, seen))


class Tags(HTMLParser):
    """Checks that tags are closed in order."""

    VOID = frozenset(("meta", "link", "img", "br", "hr", "input", "path", "rect", "polyline"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} says {names}"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_well_formed(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []


@pytest.mark.parametrize("all_usage", [True, False])
@pytest.mark.parametrize("demo", [True, False])
@pytest.mark.parametrize("full", [True, False])
async def test_the_page_is_well_formed(full: bool, demo: bool, all_usage: bool) -> None:
    assert_well_formed(await page_of(full=full, demo=demo, all_usage=all_usage))


@pytest.mark.parametrize("full", [True, False])
async def test_every_block_can_be_had_alone_and_is_part_of_the_page(full: bool) -> None:
    page, made, seen = overview.PAGE, site(Store(full=full), demo=True), visit(all_usage=True)
    context, frame = await page.load(made, seen), frame_of(made, PAGES, seen)
    whole = render(page, context, frame)
    for block in page.blocks:
        part = render_block(page, block, context, frame)
        assert_well_formed(part)
        assert part in whole
        assert "<html" not in part


async def test_the_last_hour_is_shown() -> None:
    text = await page_of(full=True)
    for shown in ("1.2 k", "1.2 M", "$12.40", "1.0 %", "31 ms", "420 ms", "mock/gpt-4o", "12 s ago", "$0.0031"):
        assert shown in text
    assert 'hx-get="/?block=live"' in text
    assert "innerMorph" in text


async def test_without_javascript_it_refreshes_itself() -> None:
    assert '<noscript><meta http-equiv="refresh"' in await page_of(full=True)
    assert "<noscript>" not in await page_of(full=True, all_usage=False)


async def test_an_empty_hour_says_what_to_do() -> None:
    text = await page_of(full=False)
    assert "No request in the last hour" in text
    assert "curl -N" in text


async def test_of_others_usage_nothing_is_asked_for_whoever_may_not_see_it() -> None:
    store = Store(full=True)
    await overview.load(site(store, demo=False), visit(all_usage=False))
    assert store.asked == []
    text = await page_of(full=True, all_usage=False)
    assert "gpt-4o" not in text
    assert "sluicegate usage" in text
    assert "1 h 2 min" in text
    assert "/v1/chat/completions" in text


async def test_what_a_client_said_is_text() -> None:
    text = await page_of(full=True)
    assert "<script>alert" not in text
    assert html.escape("<script>alert(1)</script>") in text


async def test_the_hour_ends_with_the_running_minute() -> None:
    store = Store(full=True)
    context = await overview.load(site(store, demo=True), visit(all_usage=True))
    asked = dict(store.asked[2:])
    assert asked["usage/per_minute"] == {"since_us": NOW + MINUTE // 2 - 60 * MINUTE, "until_us": NOW + MINUTE // 2}
    assert context.live is not None
    assert [bar.place for bar in context.live.bars] == [59, 56, 0]
    assert [(bar.good, bar.bad) for bar in context.live.bars] == [(75.0, 25.0)] * 3


async def test_the_curl_line_of_a_demo_works_as_it_is() -> None:
    text = await page_of(full=False, demo=True, settings=add_demo(Settings(), "http://127.0.0.1:1"))
    assert DEMO_KEY in text
    assert "http://gate.example:8080/v1/chat/completions" in text


async def test_no_other_key_is_ever_shown() -> None:
    settings = Settings(client_keys=(ClientKeySettings(name="demo", key="sk-private"),))
    for demo in (True, False):
        text = await page_of(full=True, demo=demo, settings=settings)
        assert "sk-private" not in text
        assert "$SLUICEGATE_KEY" in text


async def test_a_store_that_is_away_is_not_hidden() -> None:
    class Away(Store):
        async def read(self, name: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
            raise ControlUnavailable("away")

    with pytest.raises(ControlUnavailable):
        await overview.load(site(Away(full=False), demo=True), visit(all_usage=True))
