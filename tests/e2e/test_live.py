"""What happens, told while it happens: by two workers and a control process, to whoever may watch."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gateway.live.feed import MOST_OF_ONE
from tests.e2e.people import People, bearer, live
from tests.e2e.watching import ENDPOINT, PATIENCE_SECONDS, Client, Watcher, of, watching
from tests.gateway_process import CLIENT_KEY, is_alive, resident_bytes
from tests.providers import MockProcess
from tests.waiting import until

SETTINGS = """
[live]
max_viewers = 40
"""


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("live"), mock.url, SETTINGS, workers=2) as made:
        with watching(made.gateway.url, made.who["owner"].headers) as first:
            # Workers look for the control process every two seconds.
            first.wait_for("system", lambda said: len(said["workers"]) == 2)
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


@contextmanager
def owner_watching(people: People, query: str = "") -> Iterator[Watcher]:
    with watching(people.gateway.url, people.who["owner"].headers, query) as watcher:
        watcher.wait_for("hello")
        yield watcher


def socket_of(people: People) -> Path:
    """Where the control process can be asked without a worker in between."""
    return people.gateway.data_dir / "run" / "control.sock"


def test_a_stream_is_told_while_it_flows_and_once_when_it_has_ended(everybody: People, tag: str) -> None:
    with owner_watching(everybody) as watcher:
        client = Client(everybody.gateway.port, f"chunks=12;pace=120ms;size=40;tag={tag}")
        watcher.wait_for("running", lambda said: of(client, said))
        client.done()
        told = watcher.wait_for("finished", lambda said: of(client, said))
        ran = [request for each in watcher.told if each.event == "running" for request in of(client, each.data)]
        (record,) = of(client, told.data)
        watcher.wait_for("running", lambda said: watcher.told and not of(client, said))
        time.sleep(0.6)  # were it told twice, it would be in the next frame
        assert len(watcher.ended(record["id"])) == 1
    flowing = [request for request in ran if request["state"] == "streaming"]
    assert len(flowing) >= 3
    for name in ("output_tokens", "response_bytes"):
        counted = [request[name] for request in flowing]
        assert counted == sorted(counted)
        assert counted[-1] > counted[0]
    last = flowing[-1]
    assert {request["id"] for request in ran} == {record["id"]}
    assert (last["key"], last["provider"], last["credential"], last["attempt"]) == ("tester", "mock", "first", 1)
    assert (last["endpoint"], last["stream"], last["model"]) == (ENDPOINT, True, client.model.removeprefix("mock/"))
    assert last["first_byte_us"] is not None
    assert last["started_at"] == record["started_at"]
    assert last["worker"] == record["worker"]
    (kept,) = everybody.gateway.records(tag)
    same = kept.keys() & record.keys()
    assert len(same) > 40
    assert {name: record[name] for name in same} == {name: kept[name] for name in same}


def test_what_waits_for_a_provider_is_told_as_that(everybody: People, tag: str) -> None:
    with owner_watching(everybody, "events=running") as watcher:
        client = Client(everybody.gateway.port, f"first=1s;tag={tag}", stream=False)
        told = watcher.wait_for("running", lambda said: of(client, said))
        (request,) = of(client, told.data)
        assert (request["state"], request["output_tokens"], request["stream"]) == ("asking", 0, False)
        client.done()
        assert "finished" not in watcher.names()


def test_ids_grow_and_whoever_comes_back_has_missed_nothing(everybody: People, tag: str) -> None:
    with owner_watching(everybody) as watcher:
        first = Client(everybody.gateway.port, f"chunks=1;tag={tag}-1")
        last = watcher.wait_for("finished", lambda said: of(first, said))
    numbers = [int(each.id.rpartition("-")[2]) for each in watcher.told]
    assert numbers == sorted(set(numbers))
    with owner_watching(everybody):
        missed = Client(everybody.gateway.port, f"chunks=1;tag={tag}-2")
        missed.done()
        everybody.gateway.records(f"{tag}-2")
        time.sleep(0.5)  # until it is told to whoever is there
    headers = {**everybody.who["owner"].headers, "last-event-id": last.id}
    with watching(everybody.gateway.url, headers) as again:
        again.wait_for("finished", lambda said: of(missed, said))
        assert again.told[0].event == "hello"
        assert "gap" not in again.names()
        assert not [each for each in again.told if each.event == "finished" and of(first, each.data)]
    with owner_watching(everybody, "after=before-1") as stranger:
        assert stranger.wait_for("gap", lambda said: True).data == {"missed": None}


def test_filters_narrow_what_is_told(everybody: People, tag: str) -> None:
    with ExitStack() as stack:
        by_key = stack.enter_context(owner_watching(everybody, "key=of-the-member"))
        by_outcome = stack.enter_context(owner_watching(everybody, "outcome=refused&events=finished"))
        by_provider = stack.enter_context(owner_watching(everybody, "provider=nobody"))
        mine = Client(everybody.gateway.port, f"chunks=1;tag={tag}-a", key=everybody.who["key"].secret)
        other = Client(everybody.gateway.port, f"chunks=1;tag={tag}-b")
        wrong = Client(everybody.gateway.port, f"status=400;tag={tag}-c")
        for client in (mine, other, wrong):
            client.done()
        by_outcome.wait_for("finished", lambda said: of(wrong, said))
        by_key.wait_for("finished", lambda said: of(mine, said))
        for watcher, clients in ((by_key, (other, wrong)), (by_outcome, (mine, other)), (by_provider, (mine, other))):
            told = [each.data for each in watcher.told if each.event in ("running", "finished")]
            assert not [request for said in told for client in clients for request in of(client, said)]


def test_everybody_is_told_what_they_may_see_and_no_more(everybody: People, tag: str) -> None:
    with ExitStack() as stack:
        who = {
            name: stack.enter_context(watching(everybody.gateway.url, everybody.who[name].headers))
            for name in ("owner", "viewer", "member", "leader", "stranger", "key")
        }
        for watcher in who.values():
            watcher.wait_for("hello")
        of_member = Client(everybody.gateway.port, f"chunks=8;pace=100ms;tag={tag}-a", key=everybody.who["key"].secret)
        of_file = Client(everybody.gateway.port, f"chunks=8;pace=100ms;tag={tag}-b")
        for name in ("owner", "viewer", "member", "key"):
            who[name].wait_for("running", lambda said: of(of_member, said))
            who[name].wait_for("finished", lambda said: of(of_member, said))
        for name in ("owner", "viewer"):
            who[name].wait_for("finished", lambda said: of(of_file, said))
        who["owner"].wait_for("system")
        for name in ("member", "leader", "stranger", "key"):
            said = [each.data for each in who[name].told if each.event in ("running", "finished")]
            assert not [request for each in said for request in of(of_file, each)], name
            assert all(each.get("total", 0) <= 1 for each in said), "not even how many there are"
        for name in ("leader", "stranger"):
            assert "finished" not in who[name].names(), "the key is the member's own, not the team's"
        assert [name for name, watcher in who.items() if "system" in watcher.names()] == ["owner"]


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("anonymous", "", 401),
        ("pending", "", 403),
        ("token", "", 403),
        ("member", "events=system", 403),
        ("viewer", "events=running,system", 403),
        ("owner", "events=nothing", 400),
        ("owner", "unknown=1", 400),
        ("owner", "seconds=-1", 400),
        ("owner", f"api_key={CLIENT_KEY}", 400),
    ],
)
def test_who_may_not_watch_hears_why(everybody: People, name: str, query: str, status: int) -> None:
    with watching(everybody.gateway.url, everybody.who[name].headers, query) as watcher:
        assert (watcher.status, watcher.problem()["status"]) == (status, status)


def test_it_goes_on_as_long_as_was_asked_for(everybody: People) -> None:
    with owner_watching(everybody, "seconds=0") as watcher:
        assert [each.event for each in watcher.over()] == ["hello", "running"]
    answer = everybody.ask("owner", "HEAD", "/api/live")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "text/event-stream", b"")
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")


def test_it_is_told_how_the_gateway_is_doing(everybody: People) -> None:
    with owner_watching(everybody, "events=system") as watcher:
        said = watcher.wait_for("system", lambda said: said["processes"][0]["cpu_percent"] is not None).data
    named = {each["name"]: each for each in said["processes"]}
    assert named.keys() == {"supervisor", "control", "worker 0", "worker 1"}
    gateway = everybody.gateway
    pids = {gateway.process.pid, gateway.control(), *gateway.workers()}
    assert {each["pid"] for each in named.values()} == pids
    assert all(each["rss_bytes"] > 10_000_000 for each in named.values())
    assert {each["worker"] for each in said["workers"]} == {0, 1}
    assert said["sizes"].keys() >= {"usage.duckdb", "state.sqlite3", "shared.mmap"}
    assert said["ingest"].keys() >= {"segments_waiting", "spool_bytes", "last_taken_at"}
    assert said["ingest_lag_seconds"] < 30


def test_a_session_that_is_over_is_the_end_of_watching(everybody: People) -> None:
    session = everybody.sign_in("viewer")
    with watching(everybody.gateway.url, session.headers) as watcher:
        watcher.wait_for("hello")
        ended = time.monotonic()
        assert everybody.ask("owner", "DELETE", f"/api/users/{session.id}/sessions").status_code == 204
        assert watcher.over()[-1].data == {"why": "signed_out"}
        assert time.monotonic() - ended < 20
    everybody.who["viewer"] = everybody.sign_in("viewer")


def test_a_token_that_is_revoked_and_a_key_that_is_paused_are_the_end_of_watching(everybody: People) -> None:
    made = everybody.make("owner", "/api/tokens", {"name": "watcher", "scopes": ["usage:read"]})
    key_id, secret = everybody.new_key("owner", name="watcher")
    with (
        watching(everybody.gateway.url, bearer(made["secret"])) as by_token,
        watching(everybody.gateway.url, bearer(secret)) as by_key,
    ):
        for watcher in (by_token, by_key):
            watcher.wait_for("hello")
        assert everybody.remove("owner", f"/api/tokens/{made['token']['id']}").status_code == 200
        assert everybody.change("owner", f"/api/keys/{key_id}", {"paused": True}).status_code == 200
        for watcher in (by_token, by_key):
            assert watcher.over()[-1].data == {"why": "signed_out"}
    assert everybody.remove("owner", f"/api/keys/{key_id}").status_code == 200


def viewers(people: People) -> int:
    """How many watch, this one included."""
    with owner_watching(people, "events=system") as watcher:
        return int(watcher.wait_for("system").data["viewers"])


def test_whoever_leaves_is_gone_at_once(everybody: People) -> None:
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(owner_watching(everybody))
        assert viewers(everybody) == 6
    until(lambda: viewers(everybody) == 1)


def test_one_who_does_not_read_disturbs_nobody(everybody: People, tag: str) -> None:
    control = everybody.gateway.control()
    assert control is not None
    lines = "".join(f"{name}: {value}\r\n" for name, value in everybody.who["owner"].headers.items())
    with socket.socket() as stalled, ExitStack() as stack:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", everybody.gateway.port))
        stalled.sendall(f"GET /api/live?events=finished HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        everything = stack.enter_context(owner_watching(everybody, "events=finished"))
        others = [stack.enter_context(owner_watching(everybody, "key=of-the-member")) for _ in range(18)]
        before = resident_bytes(control)
        asyncio.run(flood(everybody, tag, FLOOD))
        last = Client(everybody.gateway.port, f"chunks=1;tag={tag}-last", key=everybody.who["key"].secret)
        for watcher in others:
            watcher.wait_for("finished", lambda said: of(last, said))
        assert len({gaps(watcher) for watcher in others}) == 1, "what workers could not tell is all that anybody missed"
        last.done()
        until(lambda: heard_of(everything, tag) == FLOOD + 1, PATIENCE_SECONDS)
        assert resident_bytes(control) - before < 64 * 2**20
        stalled.settimeout(PATIENCE_SECONDS)
        got = b""
        while b"event: gap" not in got:
            got = got[-100:] + stalled.recv(2**20)


FLOOD = 6000
"""Requests that come to more than kernel and processes hold for somebody who does not read."""


def heard_of(watcher: Watcher, tag: str) -> int:
    """Of how many requests with this tag somebody has heard, or has heard that they missed them."""
    told = [request for each in watcher.told if each.event == "finished" for request in each.data["requests"]]
    named = (f"{request['user_agent']} {request['requested_model']}" for request in told)
    return sum(gaps(watcher)) + sum(tag in name for name in named)


def gaps(watcher: Watcher) -> tuple[int, ...]:
    """How many requests somebody missed each time."""
    return tuple(each.data["missed"] for each in watcher.told if each.event == "gap")


async def flood(people: People, tag: str, count: int) -> None:
    """So many requests that are refused, some at a time, each of which leaves a long record."""
    body = b"{}"
    head = (
        f"POST {ENDPOINT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CLIENT_KEY}\r\n"
        f"User-Agent: {tag}{'x' * 360}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()

    async def some(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", people.gateway.port)
        for _ in range(number):
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400"), answer
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(some(count // 10) for _ in range(10)))


def test_more_than_may_are_told_to_come_back(everybody: People) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            for name in ("owner", "viewer"):
                stack.enter_context(watching(everybody.gateway.url, everybody.who[name].headers)).wait_for("hello")
        refused = stack.enter_context(watching(everybody.gateway.url, everybody.who["member"].headers))
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    until(lambda: viewers(everybody) == 1)


def test_one_person_takes_their_share_of_seats_whatever_they_show(everybody: People) -> None:
    made = everybody.make("member", "/api/tokens", {"name": "seats", "scopes": ["usage:own"]})
    url = everybody.gateway.url
    shown = [everybody.who["member"].headers, bearer(made["secret"]), everybody.who["key"].headers]
    with ExitStack() as stack:
        for number in range(MOST_OF_ONE):
            stack.enter_context(watching(url, shown[number % 3], "events=running")).wait_for("hello")
        for headers in shown:
            assert stack.enter_context(watching(url, headers)).status == 503
        assert everybody.ask("member", "GET", "/live/events?seconds=0").status_code == 503, "nor by the page"
        for name in ("leader", "owner"):
            stack.enter_context(watching(url, everybody.who[name].headers)).wait_for("hello")
    assert everybody.remove("member", f"/api/tokens/{made['token']['id']}").status_code == 200
    until(lambda: viewers(everybody) == 1)


def test_what_ran_in_a_worker_that_was_killed_vanishes(everybody: People, tag: str) -> None:
    gateway = everybody.gateway
    with watching(gateway.url, everybody.who["operator"].headers, uds=socket_of(everybody)) as watcher:
        clients = [Client(everybody.gateway.port, f"chunks=200;pace=100ms;tag={tag}-{number}") for number in range(16)]
        told = watcher.wait_for("running", lambda said: all(of(client, said) for client in clients)).data
        by_worker = {
            worker: [client for client in clients if of(client, told)[0]["worker"] == worker] for worker in (0, 1)
        }
        assert all(by_worker.values()), "every single connection went to the same worker"
        victim = next(pid for pid in gateway.workers() if worker_of(watcher, pid) == 0)
        os.kill(victim, signal.SIGKILL)
        until(lambda: not is_alive(victim))
        seen = len(watcher.told)

        def is_told() -> bool:
            later = [each.data for each in watcher.told[seen:] if each.event == "running"]
            gone, there = by_worker[0], by_worker[1]
            return any(
                not any(of(client, said) for client in gone) and all(of(client, said) for client in there)
                for said in later
            )

        until(is_told, PATIENCE_SECONDS)
        watcher.wait_for("gap", lambda said: True)
        watcher.wait_for("system", lambda said: victim not in {each["pid"] for each in said["workers"]})
        until(lambda: len(gateway.workers()) == 2, PATIENCE_SECONDS)
        pids = set(gateway.workers())
        watcher.wait_for("system", lambda said: {each["pid"] for each in said["workers"]} == pids)
        for client in clients:
            client.leave()


def worker_of(watcher: Watcher, pid: int) -> int:
    """The number of the worker with this process id."""
    said = watcher.wait_for("system", lambda said: pid in {each["pid"] for each in said["workers"]}).data
    return int(next(each["worker"] for each in said["workers"] if each["pid"] == pid))


def test_a_control_process_that_was_killed_is_told_again(everybody: People, tag: str) -> None:
    gateway = everybody.gateway
    with owner_watching(everybody) as before:
        client = Client(everybody.gateway.port, f"chunks=300;pace=100ms;tag={tag}")
        before.wait_for("running", lambda said: of(client, said))
        victim = gateway.control()
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        before.over()
        last = before.told[-1].id
    until(lambda: gateway.control() not in (None, victim), PATIENCE_SECONDS)
    gateway.complete()
    headers = {**everybody.who["owner"].headers, "last-event-id": last}
    with watching(gateway.url, headers) as after:
        after.wait_for("running", lambda said: of(client, said))
        assert after.wait_for("gap", lambda said: True).data == {"missed": None}, "of another process nobody knows"
        assert after.told[0].id.partition("-")[0] != last.partition("-")[0]
        client.leave()
        (record,) = of(client, after.wait_for("finished", lambda said: of(client, said)).data)
        assert record["error"] == "client_disconnected"
