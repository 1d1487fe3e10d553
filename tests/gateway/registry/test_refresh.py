"""The price list is fetched from a real server, and whatever it sends, the last good one stays."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from gateway.catalog import models_dev, registry
from gateway.catalog.prices import PriceList
from gateway.catalog.registry import Registry
from gateway.records import Price, Rates
from gateway.registry import kept, refresh
from gateway.registry.refresh import Refreshing
from gateway.settings.model import RegistrySettings, Settings
from gateway.store.followed import Followed
from gateway.store.generations import Generations
from tests.gateway.catalog import lists
from tests.gateway.catalog.lists import document, priced
from tests.gateway.outbound.peers import OK, Peer, Provider, provider
from tests.waiting import auntil

BUNDLED = lists.registry(document(**priced(20)), "2026-01-01")
LISTED = orjson.dumps(document(**priced(20)))
HOUR_NS = 3600 * 10**9


def answer(body: bytes, *, etag: str = "", status: bytes = OK) -> bytes:
    headers = f'ETag: "{etag}"\r\n' if etag else ""
    return status + f"{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Server:
    """Sends what it is told; keeps what it was asked."""

    def __init__(self) -> None:
        self.sends = answer(LISTED, etag="first")
        self.asked: list[bytes] = []
        self.lasts = asyncio.Event()
        self.lasts.set()
        self.url = ""

    async def serve(self, peer: Peer) -> None:
        self.asked.append(await peer.request())
        await self.lasts.wait()
        await peer.send(self.sends)

    def says(self, body: bytes | dict[str, Any], **more: Any) -> None:
        self.sends = answer(body if isinstance(body, bytes) else orjson.dumps(body), **more)


@pytest.fixture(autouse=True)
def _our_own_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "bundled", lambda: BUNDLED)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    async with provider(made.serve) as there:
        made.url = url_of(there)
        yield made


@pytest.fixture
def generations(tmp_path: Path) -> Iterator[Generations]:
    made = Generations(tmp_path / "shared.mmap")
    yield made
    made.close()


Make = Callable[..., Refreshing]


@pytest.fixture
def make(server: Server, generations: Generations, tmp_path: Path) -> Make:
    def made(*, hours: float = 24.0, seconds: float = 10.0, url: str = "", factor: float = 10.0) -> Refreshing:
        said = RegistrySettings(url=url or server.url, refresh_hours=hours, suspicious_factor=factor)
        return Refreshing(tmp_path, generations, lambda: Settings(registry=said), seconds=seconds)

    return made


def url_of(there: Provider) -> str:
    return f"http://127.0.0.1:{there.port}/api.json"


def price_of(found: Registry, model: str) -> int | None:
    price = found.price("acme", model)
    return None if price is None else price.rates.input


async def test_a_new_list_is_kept_and_told(
    make: Make, server: Server, generations: Generations, tmp_path: Path
) -> None:
    server.says(document(**priced(20, usd=3)), etag="first")
    one = make()
    assert one.state().source == "bundled"
    before = time.time_ns() // 1000
    await one.refresh_if_due()
    state = one.state()
    assert (state.source, state.url, state.models, state.error) == ("fetched", server.url, 23, None)
    assert state.confirmed_at_us is not None
    assert state.confirmed_at_us >= before - 10_000
    assert price_of(one.held.registry, "acme-many-1") == 3_000_000
    assert generations.local("registry") == 1
    assert [path.name for path in kept.file_in(tmp_path).parent.iterdir()] == ["models.dev"]
    assert kept.file_in(tmp_path).stat().st_mode & 0o777 == 0o600
    # Another process, and this one after a restart, find the same.
    assert price_of(kept.held(tmp_path).registry, "acme-many-1") == 3_000_000
    assert make().state() == replace(state, tried_at_us=None)


async def test_it_is_asked_for_once_in_its_time(make: Make, server: Server, tmp_path: Path) -> None:
    one = make()
    for _ in range(3):
        await one.refresh_if_due()
    await make().refresh_if_due()
    assert len(server.asked) == 1
    age(tmp_path, hours=25)
    await make().refresh_if_due()
    assert len(server.asked) == 2


async def test_what_has_not_changed_is_not_sent_again(make: Make, server: Server, tmp_path: Path) -> None:
    one = make()
    await one.refresh()
    assert b"none-match" not in server.asked[0].lower()
    age(tmp_path, hours=25)
    server.sends = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    other = make()
    await other.refresh_if_due()
    assert b'if-none-match: "first"' in server.asked[1].lower()
    assert other.state().error is None
    await other.refresh_if_due()
    assert len(server.asked) == 2  # it was confirmed


async def test_another_address_is_another_list(make: Make, server: Server) -> None:
    await make().refresh()
    elsewhere = server.url.replace("api.json", "other.json")
    await make(url=elsewhere).refresh_if_due()
    assert server.asked[1].startswith(b"GET /other.json ")
    assert b"none-match" not in server.asked[1].lower()


async def test_it_is_never_fetched_where_the_operator_says_so_but_when_somebody_asks(
    make: Make, server: Server
) -> None:
    one = make(hours=0)
    await one.refresh_if_due()
    assert server.asked == []
    one.want()
    await one.refresh_if_due()
    await one.refresh_if_due()
    assert len(server.asked) == 1


BROKEN: dict[str, tuple[bytes, str]] = {
    "malformed": (answer(b"<html>sorry</html>"), "not a list of providers"),
    "of another shape": (answer(b'{"data": []}'), "data: Expected `object`"),
    "truncated in its JSON": (answer(LISTED[:-100]), "not a list of providers"),
    "truncated on the wire": (answer(LISTED)[:-100], ""),
    "huge": (answer(LISTED + b" " * 50_000), "larger than 50000 bytes"),
    "huge without an end": (OK + b"\r\n" + LISTED + b" " * 50_000, "larger than 50000 bytes"),
    "empty": (answer(b"{}"), "it has 0 models where there were 23"),
    "much shorter": (answer(orjson.dumps(document(**priced(4)))), "it has 7 models where there were 23"),
    "ten times as dear": (answer(orjson.dumps(document(**priced(20, usd=10)))), "20 of 22 prices are suspicious"),
    "404": (answer(b"", status=b"HTTP/1.1 404 Not Found\r\n"), "answered 404"),
    "500": (answer(LISTED, status=b"HTTP/1.1 500 Oops\r\n"), "answered 500"),
    "elsewhere": (answer(b"", status=b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n"), "answered 302"),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", ""),
    "nothing at all": (b"", ""),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_the_last_good_list_outlives_one_that_is(
    name: str, make: Make, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models_dev, "LARGEST_BYTES", 50_000)
    monkeypatch.setattr(refresh, "LARGEST_BYTES", 50_000)
    await make().refresh()
    good = kept.file_in(tmp_path).read_bytes()
    age(tmp_path, hours=25)
    server.sends, why = BROKEN[name]
    with structlog.testing.capture_logs() as lines:
        one = make()
        for _ in range(2):
            await one.refresh()
    state = one.state()
    assert why in str(state.error)
    assert state.error
    assert kept.file_in(tmp_path).read_bytes() == good
    assert (state.source, state.models) == ("fetched", 23)
    assert price_of(one.held.registry, "acme-many-1") == 1_000_000
    said = [line for line in lines if line["log_level"] == "warning" and "could not be fetched" in line["event"]]
    assert len(said) == 1  # once, though it failed twice


async def test_an_answer_that_drips_is_given_up(make: Make, server: Server) -> None:
    server.lasts.clear()
    one = make(seconds=0.1)
    await one.refresh()
    assert "No answer within 0.1 seconds" in str(one.state().error)
    assert one.state().source == "bundled"


async def test_where_nobody_listens_the_bundled_list_holds(make: Make) -> None:
    one = make(url="http://127.0.0.1:9/api.json")
    await one.refresh_if_due()
    assert one.state().error
    assert (one.state().source, one.state().date) == ("bundled", "2026-01-01")
    assert price_of(one.held.registry, "acme-many-1") == 1_000_000


async def test_after_a_failure_it_is_left_alone_for_a_while(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.says(b"no")
    one = make()
    for _ in range(3):
        await one.refresh_if_due()
    assert len(server.asked) == 1
    monkeypatch.setattr(refresh, "RETRY_US", 0)
    server.says(LISTED)
    with structlog.testing.capture_logs() as lines:
        await one.refresh_if_due()
    assert one.state().error is None
    assert "prices can be fetched again" in [line["event"] for line in lines]


async def test_a_price_that_leaps_is_not_believed_and_told_of(make: Make, server: Server, tmp_path: Path) -> None:
    leaps = {**priced(20, usd=2), "acme-many-7": {"cost": {"input": 10, "output": 2}}}
    server.says(document(**leaps))
    with structlog.testing.capture_logs() as lines:
        one = make()
        for _ in range(2):
            await one.refresh()
    doubt = "acme/acme-many-7: input from 1 to 10 USD per million tokens"
    assert one.state().suspicious == make().state().suspicious == (doubt,)
    assert price_of(one.held.registry, "acme-many-7") == 1_000_000
    assert price_of(one.held.registry, "acme-many-8") == 2_000_000
    told = [line for line in lines if "not believed" in line["event"]]
    assert [(line["log_level"], line["models"]) for line in told] == [("warning", (doubt,))]


async def test_a_disk_that_refuses_leaves_all_as_it_was(
    make: Make, generations: Generations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    one = make()
    await one.refresh()
    assert "No space left" in str(one.state().error)
    assert (one.state().source, generations.local("registry")) == ("bundled", 0)


@pytest.mark.parametrize("damage", [lambda whole: whole[:-50], lambda whole: b"", lambda whole: b"\x00" * len(whole)])
async def test_a_damaged_copy_is_as_good_as_none(damage: Callable[[bytes], bytes], make: Make, tmp_path: Path) -> None:
    await make().refresh()
    path = kept.file_in(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with structlog.testing.capture_logs() as lines:
        assert kept.held(tmp_path).source == "bundled"
    assert [line["log_level"] for line in lines] == ["warning"]


async def test_a_newer_version_brings_newer_prices(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make().refresh()
    newer = lists.registry(document(), "2999-01-01")
    monkeypatch.setattr(kept, "bundled", lambda: newer)
    assert kept.held(tmp_path) == kept.Held(newer, "bundled")


async def test_requests_are_priced_while_an_answer_is_awaited(make: Make, server: Server) -> None:
    prices = PriceList([("mine/*", Price(Rates(1, 1)))], BUNDLED, {"acme": "acme"})
    server.lasts.clear()
    one = make()
    waiting = asyncio.create_task(one.refresh())
    await auntil(lambda: server.asked)
    found = prices.find("acme", "acme-large-2")
    assert found is not None
    assert prices.find("acme", "acme-unknown-price") is None  # flagged, not 0
    assert one.state().source == "bundled"
    server.lasts.set()
    await waiting
    assert one.state().source == "fetched"


async def test_other_processes_follow(make: Make, server: Server, generations: Generations, tmp_path: Path) -> None:
    heard: list[int] = []
    follower = Followed(generations, lambda: kept.held(tmp_path), lambda: heard.append(1))
    follower.tick()
    assert (follower.held.registry, heard) == (BUNDLED, [])
    server.says(document(**priced(20, usd=4)))
    await make().refresh()

    def follows() -> bool:
        follower.tick()
        return bool(heard)

    await auntil(follows)
    assert price_of(follower.held.registry, "acme-many-1") == 4_000_000
    follower.tick()
    await follower.close()
    assert heard == [1]


def test_what_comes_with_this_version_is_read_in_no_time() -> None:
    """No figure is held to here: that nothing but the asked list is unpacked is what makes it quick."""
    found = Registry.unpack(registry.SNAPSHOT.read_bytes())
    assert found._rows == {}
    found.price("openai", "gpt-5")
    assert found._rows.keys() == {"openai"}


def age(data_dir: Path, *, hours: int) -> None:
    """As if the list had been fetched so long ago."""
    then = time.time_ns() - hours * HOUR_NS
    os.utime(kept.file_in(data_dir), ns=(then, then))
