"""The gateway itself as a page: what is degraded is said in words, what can be done is done by who may, secrets and
strangers' words are harmless."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.errors import Conflict
from gateway.management.system import ErrandFacts
from gateway.records import RegistryState
from gateway.settings.model import ServerSettings, Settings
from tests.gateway.management.crowd import add
from tests.web.markup import assert_well_formed
from tests.web.overseen import GB, doing, job, kept, machine, spool, worker
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.condition import Seen, remarks_of


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as made:
        made.around.reports = [job()]
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


def seen(**more: Any) -> Seen:
    usual: dict[str, Any] = {
        "doing": doing(),
        "kept": kept(),
        "jobs": (job(),),
        "registry": RegistryState("2026-11-20", "bundled", 100),
        "settings": Settings(),
        "refused": "",
        "open_alerts": 0,
        "is_overheard": False,
    }
    return Seen(**{**usual, **more})


async def test_only_those_see_it_who_look_after_the_gateway(house: House) -> None:
    for role, status in (("viewer", 403), ("member", 403), ("admin", 200)):
        await add(house.office, role, role, password=PASSWORD)  # type: ignore[arg-type] # one of them
        person = await house.signed_in(f"{role}@example.com")
        assert (await person.get("/system")).status == status
        if status == 403:
            fields = next(iter(person.last.forms))[1]  # type: ignore[union-attr] # it was just answered
            for path in ("/system/run", "/system/compact"):
                assert (await person.post(path, {**fields, "name": "checkpoint"})).status == 403
    assert house.around.begun == []
    assert house.around.inspection.here.errand is None


async def test_when_all_is_well_it_says_so_and_shows_everything(house: House, owner: Person) -> None:
    page = await owner.get("/system")
    assert_well_formed(page.text)
    for shown in (
        "All is well", "worker 0", "4720", "control", "supervisor", "load 0.50 on 2 cores", "60.0 GB", "1,234",
        "until 2026-11-20", "/data/state.sqlite3", "version 5", "usage.duckdb", "this machine, in memory", "checkpoint",
        "Moves the log into its file.", "250 ms", "duckdb", "9.9", "HTTPS", "192.0.2.7", "2026-11-20",
    ):  # fmt: skip
        assert shown in page.text, shown


async def test_the_live_part_is_fetched_alone_without_asking_the_stores(house: House, owner: Person) -> None:
    assert 'hx-get="/system?block=live"' in (await owner.get("/system")).text
    looks = house.around.inspection.looks
    block = await owner.get("/system?block=live")
    assert "worker 0" in block.text
    assert "<h1>" not in block.text
    assert house.around.inspection.looks == looks


async def test_with_nothing_known_it_says_what_is_missing(house: House, owner: Person) -> None:
    lost = worker(1, process=None, restarts=2, in_flight=0)
    house.around.inspection.now = doing(workers=(worker(), lost), machine=None, control=None, limits_answer=False)
    house.around.inspection.here = kept(store=None, sizes={}, limits_place="redis.example:6379")
    house.around.reports = []
    page = await owner.get("/system")
    assert_well_formed(page.text)
    for shown in (
        "does not run", "1 of 2 workers do not run", "It does not answer at the moment", "Redis at redis.example:6379",
        "does not answer", "No job is known.", "A worker has died",
    ):  # fmt: skip
        assert shown in page.text, shown
    assert "/system/compact" not in page.text
    assert "All is well" not in page.text


async def test_a_job_is_begun_and_one_that_there_is_not_is_refused(house: House, owner: Person) -> None:
    house.around.reports = [
        job(error="OSError: no room", failures=1, is_shared=True),
        job("one", is_running=True),
        job("two", runs=0, started_at_us=None, finished_at_us=None),
    ]
    page = await owner.get("/system")
    for shown in ("failed", "running", "not yet", "OSError: no room", "The job checkpoint failed"):
        assert shown in page.text
    done = await owner.submit("/system/run", name="one")
    assert (done.to, house.around.begun) == ("/system?said=job-begun", ["one"])
    assert "The job has started." in (await owner.get("/system?said=job-begun")).text


async def test_the_store_is_compacted_and_how_that_went_is_told(house: House, owner: Person) -> None:
    await owner.get("/system")
    done = await owner.submit("/system/compact")
    assert done.to == "/system?said=compacting"
    page = await owner.get(done.to)
    assert "compact, since" in page.text
    assert '"/system/compact"' not in page.text, "one at a time"
    for said, shown in (
        ({"error": "a copy needs 7 MB of disk", "said": {}}, "a copy needs 7 MB of disk"),
        ({"error": None, "said": {"before_bytes": 4 * GB, "after_bytes": GB}}, "4.0 GB before, 1.0 GB after"),
        ({"error": None, "said": {"days": 3, "requests": 1000, "unreadable": 0}}, "1,000 records of 3 days"),
    ):
        errand = ErrandFacts(name="compact", began_us=1, ended_us=2, **said)
        house.around.inspection.here = kept(errand=errand)
        assert shown in (await owner.get("/system")).text


async def test_why_it_is_not_compacted_stands_on_the_page(house: House, owner: Person) -> None:
    house.around.inspection.refusal = Conflict("`compact` is being done: one at a time.")
    await owner.get("/system")
    refused = await owner.submit("/system/compact")
    assert refused.status == 409
    assert "one at a time" in refused.text
    assert_well_formed(refused.text)


async def test_whose_word_is_believed_of_clients_and_tls_is_told(tmp_path: Path) -> None:
    async with house_in(tmp_path, server={"trusted_proxies": ("10.0.0.0/8",), "public_url": ""}) as house:
        await add(house.office, "olga", "owner", password=PASSWORD)
        person = await house.signed_in("olga@example.com")
        page = await person.get("/system")
        assert "10.0.0.0/8" in page.text
        assert "plain HTTP" not in page.text


@pytest.mark.parametrize("text", CORPUS)
async def test_what_strangers_wrote_is_text(house: House, owner: Person, text: str) -> None:
    around = house.around
    around.inspection.now = doing(spool=spool(trouble=text))
    around.inspection.here = kept(
        sizes={text: 1},
        directory=text,
        limits_place=text,
        versions=((text, text),),
        errand=ErrandFacts(name=text, began_us=1, ended_us=2, error=text, said={}),
    )
    around.reports = [job(text, summary=text, error=text)]
    server = ServerSettings(listen=text, public_url=text, trusted_proxies=(text,))
    house.office.settings = structs.replace(house.office.settings, server=server)
    page = await owner.get("/system")
    assert page.status == 200
    assert_harmless(page.text)
    assert text in html.unescape(page.text)


def test_nothing_is_said_where_all_is_well() -> None:
    assert remarks_of(seen()) == ()
    assert remarks_of(seen(kept=None, doing=doing(machine=None))) == ()


@pytest.mark.parametrize(
    ("more", "meaning", "part"),
    [
        ({"doing": doing(workers=(worker(process=None),))}, "bad", "No worker runs: nothing is answered."),
        ({"doing": doing(workers=(worker(restarts=1),))}, "warning", "started anew, once since"),
        ({"doing": doing(spool=spool(dropped=1200))}, "bad", "1,200 usage records are lost"),
        ({"doing": doing(spool=spool(trouble="disk full."))}, "bad", "store: disk full. They wait"),
        ({"doing": doing(spool=spool(segments=1, lag_seconds=90.0))}, "warning", "the oldest for 1 min 30 s"),
        ({"doing": doing(spool=spool(size_bytes=GB - 1))}, "bad", "The spool is"),
        ({"doing": doing(spool=spool(set_aside=2))}, "warning", "2 segments were set aside"),
        ({"kept": kept(store=None)}, "bad", "The analytics store does not answer."),
        ({"doing": doing(limits_answer=False)}, "bad", "on this machine alone"),
        ({"doing": doing(machine=machine(disk_free_bytes=8 * GB))}, "warning", "8.0 GB free"),
        ({"doing": doing(machine=machine(disk_free_bytes=GB))}, "bad", "1.0 GB free"),
        ({"doing": doing(machine=machine(available_bytes=GB // 10))}, "warning", "100 MB of memory left"),
        ({"jobs": (job(error="x"),)}, "warning", "The job checkpoint failed: x"),
        (
            {"registry": RegistryState("2026-11-20", "bundled", 1, error="no way.")},
            "warning",
            "no way. That of 2026-11-20",
        ),
        ({"refused": "line 3: what?"}, "bad", "the former settings stay: line 3: what?"),
        ({"open_alerts": 1}, "warning", "An alert is open."),
        ({"open_alerts": 3}, "warning", "3 alerts are open."),
        ({"is_overheard": True}, "warning", "plain HTTP"),
    ],
)
def test_what_is_degraded_is_said_in_words(more: dict[str, Any], meaning: str, part: str) -> None:
    (remark,) = remarks_of(seen(**more))
    assert part in remark.text
    assert remark.meaning == meaning


def test_the_worst_comes_first() -> None:
    found = remarks_of(seen(open_alerts=1, refused="x", doing=doing(workers=(worker(restarts=1),))))
    assert [remark.meaning for remark in found] == ["bad", "warning", "warning"]
