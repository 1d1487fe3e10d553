"""The gateway itself, over HTTP: how it is doing, its configuration file, its vault key, who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from gateway import __version__
from gateway.errors import ControlUnavailable, Unacceptable
from gateway.management import rotation
from gateway.management.reloads import Outcome
from gateway.settings.instants import Moment, write_instant
from gateway.store.state import database_of

from .desk import Desk
from .operation import SIGNED_IN, Asked, Operation
from .schemas import Shown

TAG = "system"
READ, WRITE = "system:read", "system:write"


class Health(Shown, frozen=True, kw_only=True):
    """How the gateway is doing, and how usage records get into the analytics store."""

    version: str
    requests: Annotated[int, Meta(description="Usage records in the analytics store.")]
    segments_waiting: Annotated[int, Meta(description="Spool segments not taken yet.")]
    spool_bytes: int
    records_taken: Annotated[int, Meta(description="Since the control process started.")]
    lines_refused: int
    segments_set_aside: int
    last_taken_at: Moment | None
    trouble: Annotated[str | None, Meta(description="Why records are not taken at the moment, if so.")]
    generations: Annotated[dict[str, int], Meta(description="How often keys, configuration and people have changed.")]


class ReloadView(Shown, frozen=True, kw_only=True):
    """How reading the configuration file went the last time."""

    generation: int
    at: Moment
    error: Annotated[str | None, Meta(description="Why the old settings stay: file, line and key are named.")]
    processes: Annotated[
        dict[str, str], Meta(description="For each process `applied`, `refused`, `silent` or `starting`.")
    ]


class Me(Shown, frozen=True, kw_only=True):
    """Who asks, and what they may do."""

    kind: str
    id: str | None
    name: str
    permissions: tuple[str, ...]
    teams: Annotated[dict[str, str], Meta(description="Role in each team, by the team's id.")]
    session_id: str | None


class Resealed(Shown, frozen=True, kw_only=True):
    """What was sealed anew."""

    sealed_anew: int


async def show_health(asked: Asked[Desk, None, None]) -> Health:
    """Figures of the moment."""
    desk = asked.office
    (row,) = await desk.around.read("usage/count", {})
    numbers = await desk.read(lambda session: session.rows("generations/all"))
    state: Mapping[str, Any] = desk.around.ingest_state()
    generations = {row["name"]: row["value"] for row in numbers}
    return Health(version=__version__, requests=row["requests"], generations=generations, **state)


async def show_reload(asked: Asked[Desk, None, None]) -> ReloadView:
    """The last time, whoever asked for it."""
    last = asked.office.around.last_reload()
    if last is None:
        raise ControlUnavailable("How the configuration was read is not known yet.", retry_after=1)
    return _reloaded(last)


async def reload(asked: Asked[Desk, None, None]) -> ReloadView:
    """The answer comes when every process has said what became of it."""
    try:
        return _reloaded(await asked.office.around.reload_file())
    except TimeoutError:
        raise ControlUnavailable("The supervisor does not answer.", retry_after=1) from None


async def rotate_vault_key(asked: Asked[Desk, None, None]) -> Resealed:
    """In one transaction. Raises Unacceptable where other machines would be left with the former key."""
    desk = asked.office
    if database_of(desk.declared.settings).is_shared:
        raise Unacceptable(
            "Other machines may share this database, and need the same key: stop them all, use `sluicegate rotate-key "
            "--new-key-file`, and give the new key to each."
        )
    return Resealed(sealed_anew=await rotation.rotate_key(desk, asked.actor, desk.declared.settings))


async def show_me(asked: Asked[Desk, None, None]) -> Me:
    """What the gateway knows of whoever asks."""
    actor = asked.actor
    known = {name: getattr(actor, name) for name in ("kind", "id", "name", "session_id")}
    return Me(**known, permissions=tuple(sorted(actor.permissions)), teams=dict(actor.teams))


def _reloaded(outcome: Outcome) -> ReloadView:
    return ReloadView(
        generation=outcome.generation,
        at=write_instant(outcome.at_us),
        error=outcome.error or None,
        processes=dict(outcome.children),
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/health",
        id="show_health",
        summary="How the gateway is doing",
        tag=TAG,
        permission=READ,
        answer=Health,
        run=show_health,
    ),
    Operation(
        method="GET",
        path="/api/reload",
        id="show_reload",
        summary="How the configuration file was last read",
        description="With the error that kept it from being applied, if there was one.",
        tag=TAG,
        permission=READ,
        answer=ReloadView,
        errors=(ControlUnavailable,),
        run=show_reload,
    ),
    Operation(
        method="POST",
        path="/api/reload",
        id="reload",
        summary="Read the configuration file again",
        description="As SIGHUP does. A file that is wrong changes nothing, and the answer says why.",
        tag=TAG,
        permission=WRITE,
        answer=ReloadView,
        errors=(ControlUnavailable,),
        run=reload,
    ),
    Operation(
        method="POST",
        path="/api/vault/rotate",
        id="rotate_vault_key",
        summary="Replace the vault key",
        description="Everything that is sealed is sealed anew under a new key, in one transaction. Only where the key "
        "is the file in the data directory; a key said by the settings is replaced by `sluicegate rotate-key`.",
        tag=TAG,
        permission=rotation.WRITE,
        answer=Resealed,
        errors=(Unacceptable,),
        run=rotate_vault_key,
    ),
    Operation(
        method="GET",
        path="/api/me",
        id="show_me",
        summary="Who asks",
        description="The user, token or operator that asks, and what they may do.",
        tag=TAG,
        permission=SIGNED_IN,
        answer=Me,
        run=show_me,
    ),
)
