"""From the settings to a collector on a real socket."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import __version__
from gateway.errors import SettingsError
from gateway.settings.model import Settings, TraceSettings, UpstreamSettings
from gateway.traces import outbox
from gateway.traces.context import Sent, Trace
from gateway.traces.spans import Ended
from gateway.traces.tracer import Tracer, check
from tests.gateway.observe.samples import exchange
from tests.otlp_collector import Collector, collecting
from tests.waiting import auntil

TRACE = Trace("0af7651916cd43dd8448eb211c80319c", 0xA, sampled=True, passes=True)
SENT = Sent(0xB, "api.example.com", 443)


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "GATHER_SECONDS", 0.02)
    monkeypatch.setattr(outbox, "SHORTEST_PAUSE", 0.05)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


def to(collector: Collector, **more: Any) -> Settings:
    return Settings(traces=TraceSettings(enabled=True, endpoint=collector.url, **more))


def ended(**changes: object) -> Ended:
    return Ended(exchange(**changes), TRACE, [SENT], "POST")


@asynccontextmanager
async def tracing(settings: Settings) -> AsyncIterator[Tracer]:
    tracer = Tracer(3)
    tracer.follow(settings, "node-1")
    yield tracer
    await tracer.close()


async def test_what_is_noted_reaches_the_collector(collector: Collector) -> None:
    async with tracing(to(collector, service_name="llm", headers="x-team=a%2Cb,Authorization=Basic eDp5")) as tracer:
        tracer.note(ended())
        tracer.tell()
        await auntil(lambda: collector.taken)
    whole, attempt = collector.taken
    assert (whole.kind, attempt.kind, attempt.parent) == ("server", "client", whole.id)
    resource = dict(whole.resource)
    assert isinstance(resource.pop("process.pid"), int)
    assert resource == {
        "service.name": "llm",
        "service.version": __version__,
        "service.instance.id": "node-1/3",
        "host.name": "node-1",
    }
    (headers,) = collector.headers
    assert (headers["x-team"], headers["authorization"]) == ("a,b", "Basic eDp5")
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["user-agent"] == f"sluicegate/{__version__}"
    assert tracer.dropped == 0


async def test_the_end_sends_what_is_left(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "GATHER_SECONDS", 60.0)
    async with tracing(to(collector)) as tracer:
        tracer.note(ended())
    assert len(collector.taken) == 2


async def test_while_tracing_is_off_nothing_is_kept(collector: Collector) -> None:
    async with tracing(Settings()) as tracer:
        tracer.note(ended())
        tracer.tell()
        tracer.follow(to(collector), "node-1")
        tracer.note(ended(id="later"))
        tracer.tell()
        await auntil(lambda: collector.taken)
    assert [span.attributes.get("sluicegate.request_id") for span in collector.taken] == ["later", None]


async def test_another_collector_gets_what_comes_after(collector: Collector) -> None:
    with collecting() as other:
        async with tracing(to(collector)) as tracer:
            tracer.note(ended())
            tracer.follow(to(other), "node-1")
            tracer.note(ended())
            tracer.tell()
            await auntil(lambda: other.taken and collector.taken)
            tracer.note(ended())
            tracer.follow(Settings(), "node-1")
            await auntil(lambda: len(other.taken) == 4)
        assert (len(collector.taken), len(other.taken)) == (2, 4)


async def test_settings_that_change_nothing_keep_the_connection(collector: Collector) -> None:
    async with tracing(to(collector)) as tracer:
        line = tracer._line
        tracer.follow(to(collector), "node-1")
        assert tracer._line is line
        tracer.follow(Settings(traces=to(collector).traces, upstream=UpstreamSettings(idle_seconds=1)), "node-1")
        assert tracer._line is not line


async def test_a_collector_that_refuses_is_counted_over_all_that_there_were(collector: Collector) -> None:
    collector.statuses = [400]
    async with tracing(to(collector)) as tracer:
        with capture_logs() as lines:
            tracer.note(ended())
            tracer.tell()
            await auntil(lambda: tracer.dropped == 2)
            tracer.follow(Settings(), "node-1")
            assert tracer.dropped == 2
    assert [line["event"] for line in lines] == ["spans are lost"]


async def test_a_collector_that_comes_later_gets_what_waited() -> None:
    with collecting() as gone:
        settings = to(gone)
    with capture_logs() as lines:
        async with tracing(settings) as tracer:
            tracer.note(ended())
            tracer.tell()
            await auntil(lambda: lines)
            with collecting(gone.port) as back:
                await auntil(lambda: len(back.taken) == 2)
            assert tracer.dropped == 0
    assert "canary" not in str(lines)
    assert lines[0]["event"] == "the collector of spans is away, they wait"


async def test_a_collector_that_is_slow_is_given_its_time_and_no_more(collector: Collector) -> None:
    collector.answering.clear()
    with capture_logs() as lines:
        async with tracing(to(collector, timeout_seconds=0.1)) as tracer:
            tracer.note(ended())
            tracer.tell()
            await auntil(lambda: lines)
            assert "0.1 seconds" in lines[0]["reason"]
            collector.answering.set()
            await auntil(lambda: collector.taken)


async def test_no_secret_is_in_what_is_said(collector: Collector) -> None:
    collector.statuses = [401]
    with capture_logs() as lines:
        async with tracing(to(collector, headers="authorization=Basic canary")) as tracer:
            tracer.note(ended())
    assert lines
    assert "canary" not in str(lines)


async def test_an_exchange_that_cannot_be_told_does_not_keep_others_from_it(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tracing(to(collector)) as tracer:
        with capture_logs() as lines:
            tracer.note(ended()._replace(sent=[]))
            tracer.note(ended())
            tracer.tell()
            await auntil(lambda: collector.taken)
    assert [line["event"] for line in lines] == ["an exchange leaves no spans"]


async def test_a_proxy_is_asked_for_other_machines_only(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with tracing(to(collector)) as tracer:
        tracer.note(ended())
        tracer.tell()
        await auntil(lambda: collector.taken)
    elsewhere = TraceSettings(enabled=True, endpoint="http://collector.example:4318/v1/traces")
    with capture_logs() as lines:
        async with tracing(Settings(traces=elsewhere)) as tracer:
            tracer.note(ended())
            tracer.tell()
            await auntil(lambda: lines)
    assert "proxy 127.0.0.1:1" in lines[0]["reason"]


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gateway.traces.otlp", None)
    check(TraceSettings())
    with pytest.raises(SettingsError, match=r"sluicegate\[otel\]") as refused:
        check(TraceSettings(enabled=True))
    assert refused.value.key == "traces.enabled"


def test_who_does_not_trace_does_not_load_the_library() -> None:
    wanted = "{'opentelemetry.proto', 'google.protobuf'}"
    check = f"import sys, gateway.worker, gateway.control; sys.exit(bool({wanted} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
