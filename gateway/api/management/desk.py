"""What the operations have at hand: the office, and what else the control process knows and can do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from gateway.alerts.watch import Watch
from gateway.assemble import Assembled
from gateway.explaining.answer import Explanation
from gateway.explaining.question import Question
from gateway.live.feed import Feed
from gateway.management.office import Declared, Office
from gateway.management.reloads import Outcome
from gateway.oversight import Oversight
from gateway.records import JobReport, RegistryState
from gateway.store.analytics import Analytics
from gateway.store.generations import Generations
from gateway.store.state import State
from gateway.unlock import Secrets
from gateway.upkeep.upkeep import Upkeep

Read = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]
"""The rows of a named statement of the analytics store."""


class Surroundings(Protocol):
    """The control process, as operations see it."""

    @property
    def read(self) -> Read:
        """Asks the analytics store."""

    @property
    def analytics(self) -> Analytics:
        """The store of usage records, to be asked."""

    def ingest_state(self) -> Mapping[str, Any]:
        """How records get into the analytics store."""

    async def job_reports(self) -> Sequence[JobReport]:
        """Every job."""

    @property
    def made(self) -> Assembled:
        """What requests go by, with what is known of models by now."""

    @property
    def oversight(self) -> Oversight:
        """Pools and limits."""

    @property
    def alerts(self) -> Watch:
        """What is wrong, and who is told."""

    def registry_state(self) -> RegistryState:
        """How the registry of models and prices is doing."""

    @property
    def upkeep(self) -> Upkeep:
        """What becomes of usage records."""

    def run_job(self, name: str) -> None:
        """Have a job done now. Raises UnknownResource."""

    @property
    def feed(self) -> Feed:
        """What happens at this moment."""

    async def explain(self, question: Question) -> Explanation:
        """What would become of a request. Raises ControlUnavailable, StateUnavailable."""

    def last_reload(self) -> Outcome | None:
        """How reading the configuration file went the last time; None where nobody knows."""

    async def reload_file(self) -> Outcome:
        """Have it read again. Raises TimeoutError."""


class Desk(Office):
    """An office in the control process."""

    def __init__(
        self,
        state: State,
        generations: Generations,
        secrets: Secrets,
        declared: Declared,
        *,
        around: Surroundings,
    ) -> None:
        super().__init__(state, generations, secrets, declared)
        self.around = around
