from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway import reloading
from gateway.errors import SettingsError
from gateway.leash import Looked, Refused, Reload, Reloaded, ReloadOutcome, ReloadWanted, Start
from gateway.reloading import Reloading
from gateway.settings.load import Loaded
from gateway.settings.model import DatabaseSettings, ServerSettings, Settings, VaultSettings
from gateway.settings.watch import Watch
from gateway.supervised import Supervised
from tests.waiting import auntil


async def never() -> Start:
    raise AssertionError


class Child(Supervised):
    """A child that is only spoken to. Words are remembered; `answer` says what it makes of settings."""

    def __init__(self, name: str, *, ready: bool = True) -> None:
        super().__init__(name, "none", never)
        self.orders: list[Reload] = []
        self.outcomes: list[ReloadOutcome] = []
        self.error: Callable[[Settings], str | None] = lambda _: ""
        """Why it refuses; None does not answer at all."""
        self.generation = 1
        if ready:
            self.ready.set()

    async def reload(self, order: Reload, patience: float) -> Reloaded | Refused | None:
        self.orders.append(order)
        error = self.error(order.settings)
        if error is None:
            return None
        if error:
            return Refused(generation=order.generation, error=error)
        self.generation = order.generation
        return Reloaded(generation=order.generation)

    async def tell(self, outcome: ReloadOutcome | Looked) -> None:
        assert isinstance(outcome, ReloadOutcome)
        self.outcomes.append(outcome)

    @property
    def workers(self) -> list[int]:
        """What it was told, by a setting that tells settings apart."""
        return [round(order.settings.server.drain_seconds) for order in self.orders]


class Said:
    """What the operator says: `drain_seconds`, or an error."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> Loaded:
        text = self.file.read_text()
        if not text.isdecimal():
            raise SettingsError(text)
        settings = Settings(server=ServerSettings(drain_seconds=float(text)))
        return Loaded(settings, {"server.drain_seconds": text}, (self.file,))

    def find_files(self) -> tuple[Path, ...]:
        return (self.file,)


class Bench:
    def __init__(self, file: Path, children: list[Child]) -> None:
        self.file, self.children = file, children
        self.file.write_text("1")
        said = Said(file)
        watch = Watch(said.find_files())
        self.reloading = Reloading(said, said.read(), children, finish=lambda loaded: loaded, watch=watch)

    async def say(self, text: str) -> ReloadOutcome:
        self.file.write_text(text)
        await self.reloading.reload()
        await asyncio.sleep(0)
        return self.reloading.outcome

    @property
    def seconds(self) -> float:
        """Of the settings that hold."""
        return self.reloading.loaded.settings.server.drain_seconds


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "a.toml", [Child("worker-0"), Child("worker-1"), Child("control")])


def only(number: int, error: str | None) -> Callable[[Settings], str | None]:
    """Says this to settings with that number, and takes all others."""
    return lambda settings: error if settings.server.drain_seconds == number else ""


async def test_new_settings_reach_everybody_and_everybody_hears_how_it_went(bench: Bench) -> None:
    outcome = await bench.say("2")
    assert (outcome.generation, outcome.error) == (2, "")
    assert outcome.children == {"worker-0": "applied", "worker-1": "applied", "control": "applied"}
    assert all(child.workers == [2] for child in bench.children)
    assert bench.children[0].orders[0].origins == {"server.drain_seconds": "2"}
    assert all(child.outcomes == [outcome] for child in bench.children)
    assert bench.seconds == 2


async def test_wrong_settings_reach_nobody(bench: Bench) -> None:
    outcome = await bench.say("a.toml:3: no")
    assert (outcome.generation, outcome.error, outcome.children) == (1, "a.toml:3: no", {})
    assert not any(child.orders for child in bench.children)
    assert (await bench.say("3")).generation == 2


async def test_what_the_first_worker_refuses_no_other_sees(bench: Bench) -> None:
    bench.children[0].error = only(2, "no")
    outcome = await bench.say("2")
    assert (outcome.generation, outcome.error) == (1, "worker-0: no")
    assert outcome.children == {"worker-0": "refused", "worker-1": "starting", "control": "starting"}
    assert not bench.children[1].orders
    assert bench.seconds == 1
    assert (await bench.say("3")).children["worker-1"] == "applied"


async def test_what_one_child_refuses_the_others_give_back(bench: Bench) -> None:
    bench.children[2].error = only(2, "no")
    outcome = await bench.say("2")
    assert outcome.children == {"worker-0": "applied", "worker-1": "applied", "control": "refused"}
    assert outcome.error == "control: no"
    assert [child.workers for child in bench.children] == [[2, 1], [2, 1], [2]]
    assert outcome.generation == bench.children[0].generation == 3
    assert bench.seconds == 1


async def test_a_child_that_does_not_answer_holds_nobody_up_and_is_told_again(bench: Bench) -> None:
    bench.children[1].error = only(2, None)
    outcome = await bench.say("2")
    assert outcome.children == {"worker-0": "applied", "worker-1": "silent", "control": "applied"}
    assert outcome.error == ""
    assert bench.seconds == 2
    assert bench.children[1].workers == [2, 2]


async def test_a_child_that_is_being_started_is_told_what_holds_then(tmp_path: Path) -> None:
    late = Child("late", ready=False)
    bench = Bench(tmp_path / "a.toml", [Child("worker-0"), late])
    bench.children[0].error = only(2, "no")
    await bench.say("2")
    assert late.workers == []
    outcome = await bench.say("3")
    assert outcome.children == {"worker-0": "applied", "late": "starting"}
    assert late.workers == [3]


async def test_what_cannot_change_while_running_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Settings(
        server=ServerSettings(workers=7, drain_seconds=9),
        database=DatabaseSettings(url="postgresql://h/d"),
        vault=VaultSettings(key="canary"),
    )
    monkeypatch.setattr(Said, "read", lambda self: Loaded(new, {}, (self.file,)))
    assert (await bench.say("2")).error == ""
    (order,) = bench.children[0].orders
    assert order.settings == Settings(server=ServerSettings(drain_seconds=9))


@asynccontextmanager
async def living(bench: Bench) -> AsyncIterator[Bench]:
    task = asyncio.create_task(bench.reloading.live())
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "LOOK_SECONDS", 0.001)


@pytest.mark.usefixtures("quick")
async def test_a_file_that_changes_is_read_once(bench: Bench) -> None:
    async with living(bench):
        bench.file.write_text("2")
        await auntil(lambda: bench.seconds == 2)
        bench.file.write_text("three")
        await auntil(lambda: bench.reloading.outcome.error)
        bench.file.unlink()
        bench.file.write_text("3")
        await auntil(lambda: bench.seconds == 3)
        assert bench.children[0].workers == [2, 3]


@pytest.mark.usefixtures("quick")
async def test_files_that_are_not_to_be_watched_are_read_when_somebody_asks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(_: Watch) -> bool:
        looks.append(True)
        return False

    looks: list[bool] = []
    monkeypatch.setattr(Watch, "changed", look)
    unwatched = Settings(server=ServerSettings(watch_config=False))
    monkeypatch.setattr(Said, "read", lambda self: Loaded(unwatched, {}, (self.file,)))
    await bench.reloading.reload()
    async with living(bench):
        for asked in range(2, 5):
            bench.reloading.ask()
            await auntil(lambda: len(bench.children[0].outcomes) == asked)  # noqa: B023 # it is awaited here
    assert not looks


async def test_who_asks_finds_the_ticket_in_the_outcome(bench: Bench) -> None:
    async with living(bench):
        bench.reloading.ask(ReloadWanted("a"))
        bench.reloading.ask(ReloadWanted("b"))
        bench.reloading.ask()
        await auntil(lambda: bench.children[2].outcomes)
        assert [outcome.tickets for outcome in bench.children[2].outcomes] == [("a", "b")]


@pytest.mark.usefixtures("quick")
async def test_whatever_goes_wrong_the_next_change_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Said, "read", lambda self: 1 / 0)
        async with living(bench):
            bench.reloading.ask()
            await auntil(lambda: not bench.reloading._wanted.is_set())
            broken.undo()
            bench.file.write_text("2")
            await auntil(lambda: bench.seconds == 2)


async def test_looking_changes_nothing_and_says_what_would(bench: Bench) -> None:
    bench.file.write_text("2")
    looked = bench.reloading.look("t-1")
    assert (looked.ticket, looked.error, looked.waiting) == ("t-1", "", ())
    assert looked.settings is not None
    assert looked.settings.server.drain_seconds == 2
    assert looked.origins == {"server.drain_seconds": "2"}
    assert (bench.seconds, bench.reloading.generation) == (1, 1)
    assert not any(child.orders or child.outcomes for child in bench.children)
    bench.file.write_text("a.toml:3: no")
    wrong = bench.reloading.look("t-2")
    assert (wrong.settings, wrong.error) == (None, "a.toml:3: no")


async def test_what_waits_for_the_next_start_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "FIXED", {"server": ("drain_seconds",)})
    bench.file.write_text("2")
    looked = bench.reloading.look("t-1")
    assert looked.waiting == ("server.drain_seconds",)
    assert looked.settings is not None
    assert looked.settings.server.drain_seconds == 1
    assert (await bench.say("2")).waiting == ("server.drain_seconds",)
    assert bench.seconds == 1
    assert (await bench.say("1")).waiting == ()
