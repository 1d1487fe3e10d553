"""New settings while the gateway runs: read again when somebody asks or a file has changed, brought to every child, or,
where one of them refuses, to none.

Knows when to read, in which order children are told, and how it went. How settings are read is handed in; what a child
makes of them is its own business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from msgspec import structs

from gateway import logs
from gateway.errors import SettingsError
from gateway.leash import ChildOutcome, Looked, Refused, Reload, Reloaded, ReloadOutcome, ReloadWanted
from gateway.settings.load import Loaded
from gateway.settings.remarks import warnings
from gateway.settings.starting import FIXED
from gateway.settings.watch import Watch
from gateway.supervised import Supervised

LOOK_SECONDS = 0.25
"""Between two looks at the files. A change is read when two looks agree: half a second later at the most."""

PATIENCE_SECONDS = 2.0
"""After so long a child that does not answer is not waited for."""

Answers = dict[Supervised, Reloaded | Refused | None]

log = logs.get("supervisor")


class Said(Protocol):
    """What the operator says."""

    def read(self) -> Loaded:
        """As it stands now. Raises SettingsError."""

    def find_files(self) -> tuple[Path, ...]:
        """The files it stands in, also when it is wrong."""


class Reloading:
    """The settings that hold, and their way to the children."""

    def __init__(
        self,
        said: Said,
        loaded: Loaded,
        children: Sequence[Supervised],
        *,
        finish: Callable[[Loaded], Loaded],
        watch: Watch,
    ) -> None:
        """`loaded` is what holds at first, and was read after `watch` was made; the first child is the first to try new
        settings; `finish` adds to them what is not the operator's."""
        self.loaded, self.generation = loaded, 1
        self.outcome = ReloadOutcome(generation=1, at_us=_now_us())
        """How it went the last time."""
        self._said, self._children, self._finish = said, children, finish
        self._watch = watch
        self._watch.follow(loaded.files)
        self._number = 1
        """The last that was given to settings: each number is used once, whatever becomes of them."""
        self._wanted = asyncio.Event()
        self._tickets: list[str] = []
        self._errands: set[asyncio.Task[object]] = set()

    def ask(self, report: ReloadWanted | None = None) -> None:
        """Have the settings read, soon; whoever gives a report finds its ticket in the outcome."""
        if report is not None:
            self._tickets.append(report.ticket)
        self._wanted.set()

    async def live(self) -> None:
        """Read again whenever there is a reason to, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wanted.wait()
            if self._wanted.is_set() or (self.loaded.settings.server.watch_config and self._watch.changed()):
                self._wanted.clear()
                try:
                    await self.reload()
                except Exception:  # whatever it was, the next change shall be read
                    log.exception("reading the settings failed, the old ones stay")

    async def reload(self) -> None:
        """Read the settings and bring them to the children; the old ones stay where anything is wrong."""
        tickets, self._tickets = tuple(self._tickets), []
        self._watch.mark()
        waiting: tuple[str, ...] = ()
        try:
            loaded, waiting = self._keep_fixed(self._said.read())
        except SettingsError as error:
            # What is missing or wrong may be a file that only the new text names.
            self._watch.follow(self._said.find_files())
            answers, wrong = Answers(), str(error)
        else:
            for path in waiting:
                log.warning(f"{path} changes with the next start only")
            self._watch.follow(loaded.files)
            answers, wrong = await self._bring(loaded)
        if wrong:
            log.error("settings refused, the old ones stay", reason=wrong)
        self.outcome = ReloadOutcome(
            generation=self.generation,
            at_us=_now_us(),
            error=wrong,
            children={child.name: _called(answers, child) for child in self._children} if answers else {},
            waiting=waiting,
            tickets=tickets,
        )
        for child in self._children:
            self._run(child.tell(self.outcome))

    def look(self, ticket: str) -> Looked:
        """What reading the settings now would give. Nothing goes by it."""
        try:
            loaded, waiting = self._keep_fixed(self._said.read())
        except SettingsError as error:
            return Looked(ticket=ticket, error=str(error))
        finished = self._finish(loaded)
        return Looked(ticket=ticket, settings=finished.settings, origins=dict(finished.origins), waiting=waiting)

    async def _bring(self, loaded: Loaded) -> tuple[Answers, str]:
        """Have every child go by these settings. What they answered, and why the old settings stay, if they do."""
        answers = await self._try(self._order(loaded))
        wrong = next((f"{child.name}: {one.error}" for child, one in answers.items() if isinstance(one, Refused)), "")
        if not wrong:
            self._take(loaded)
        elif any(not isinstance(one, Refused) for one in answers.values()):
            await self._take_back([child for child, one in answers.items() if not isinstance(one, Refused)])
        return answers, wrong

    def finished(self) -> Loaded:
        """What a child that is started now goes by."""
        return self._finish(self.loaded)

    def _keep_fixed(self, loaded: Loaded) -> tuple[Loaded, tuple[str, ...]]:
        """New settings with what cannot change while we run left as it is, and the paths of what is left."""
        said, held = loaded.settings, self.loaded.settings
        waiting: list[str] = []
        for section, names in FIXED.items():
            new, old = getattr(said, section), getattr(held, section)
            kept = {name: getattr(old, name) for name in names if getattr(new, name) != getattr(old, name)}
            waiting += (f"{section}.{name}" for name in kept)
            said = structs.replace(said, **{section: structs.replace(new, **kept)})
        return replace(loaded, settings=said), tuple(waiting)

    def _order(self, loaded: Loaded) -> Reload:
        self._number += 1
        return self._words(loaded)

    def _words(self, loaded: Loaded) -> Reload:
        finished = self._finish(loaded)
        return Reload(settings=finished.settings, origins=dict(finished.origins), generation=self._number)

    async def _try(self, order: Reload) -> Answers:
        """What the children that answer requests say to new settings: one first, so that a refusal, which would be the
        same in each of them, changes nothing in any."""
        ready = [child for child in self._children if child.ready.is_set()]
        answers = Answers()
        for some in (ready[:1], ready[1:]):
            if not any(isinstance(one, Refused) for one in answers.values()):
                said = await asyncio.gather(*(child.reload(order, PATIENCE_SECONDS) for child in some))
                answers.update(zip(some, said, strict=True))
        return answers

    def _take(self, loaded: Loaded) -> None:
        """From now on these settings hold, for children that are being started too."""
        self.loaded, self.generation = loaded, self._number
        server = loaded.settings.server
        logs.configure(server.log_format, server.log_level)
        log.info("settings read", generation=self.generation)
        order = self._words(loaded)
        for warning in warnings(order.settings):
            log.warning(warning)
        for child in self._children:
            if child.generation < self.generation:
                self._run(child.reload(order, PATIENCE_SECONDS))

    async def _take_back(self, children: Sequence[Supervised]) -> None:
        """Have these go by the old settings again: others refused the new ones."""
        order = self._order(self.loaded)
        self.generation = order.generation
        await asyncio.gather(*(child.reload(order, PATIENCE_SECONDS) for child in children))

    def _run(self, errand: Coroutine[object, None, object]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def _called(answers: Answers, child: Supervised) -> ChildOutcome:
    if child not in answers:
        return "starting"
    match answers[child]:
        case Reloaded():
            return "applied"
        case Refused():
            return "refused"
        case None:
            return "silent"


def _now_us() -> int:
    return time.time_ns() // 1000
