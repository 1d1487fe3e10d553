"""Who rests and for how long, how busy and how fast credentials are, and ending a rest before its time.

Knows who may, and what the audit log keeps. Where it is kept who rests, and how a provider is asked, is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, Protocol

from msgspec import Meta, Struct

from gateway.errors import UnknownResource
from gateway.management import configuration, probes
from gateway.management.office import Actor, Office, Subject
from gateway.management.probes import Ask, Model, ProbeView, ProbeWish
from gateway.pools.board import UNTOLD_SECONDS, Rest, Told, Which
from gateway.pools.cells import as_kept
from gateway.pools.quotas import Quota
from gateway.records import Credential, Provider, Target
from gateway.routing.pool import nobody
from gateway.routing.standing import Figures, Standing
from gateway.settings.instants import Moment, write_instant
from gateway.settings.section import Identifier, Section

READ, WRITE = configuration.READ, configuration.WRITE

MOST_KEPT_BYTES = 90
"""Longer names may have been cut where rests are kept."""

Name = Annotated[str, Meta(min_length=1, max_length=64)]


class Pools(Protocol):
    """Where it is kept who rests."""

    def rests(self, now_us: int) -> tuple[Rest, ...]:
        """Everything that rests."""

    def standing(self, credential: Credential, model: str, now_us: int) -> Standing:
        """How a credential stands for a model."""

    def figures(self, credential: Credential) -> Figures:
        """How busy and how fast it is."""

    def told(self, credential: Credential, now_us: int) -> Told:
        """What its provider has told of it."""

    def end_rests(self, which: Which, now_us: int) -> int:
        """End rests; how many there were."""

    def let_try(self, which: Which, now_us: int) -> int:
        """Let the next request try whatever rests; how many that are."""

    def succeeded(self, credential: Credential, target: Target, waited_us: int, now_us: int) -> None:
        """A request was answered, so long after it was sent."""


class Pool(NamedTuple):
    """A provider, and where it is kept who of it rests."""

    provider: Provider
    pools: Pools


class RestView(Struct, frozen=True, kw_only=True):
    """Something that is not used for now."""

    kind: Annotated[
        Literal["credential", "model", "target"],
        Meta(
            description="A credential, a `model` with a credential, or a `target`: a model of a provider whose circuit "
            "breaker is open."
        ),
    ]
    provider: str
    credential: Annotated[str | None, Meta(description="Null of a target, and where a provider asks for none.")]
    model: Annotated[str | None, Meta(description="Null of a credential as a whole.")]
    reason: Annotated[str, Meta(description="What for, in a word: `rate_limit`, `quota`, `auth`, `server`, `breaker`.")]
    until: Moment
    hard: Annotated[bool, Meta(description="Whether it is not used at all; else it is tried after all others.")]
    probe_due: Annotated[bool, Meta(description="Whether the next request may try it although it rests.")]


class RateWindow(Struct, frozen=True, kw_only=True):
    """A rate limit of a credential, as the headers of its provider's answers tell of it."""

    name: Annotated[
        str,
        Meta(
            description="What it limits, by the header: `requests`, `input-tokens`; `plan-5h` and the like of a Claude "
            "plan, `codex-primary` of a ChatGPT one; `all` where the header does not say."
        ),
    ]
    left: Annotated[
        float | None,
        Meta(description="The share that is left; all of it once it has reset. Null where that is not known."),
    ]
    remaining: Annotated[int | None, Meta(description="What is left in numbers, where that was told and still holds.")]
    limit: Annotated[int | None, Meta(description="What there is of it, where that was told.")]
    window_seconds: Annotated[int | None, Meta(description="How long it is, where that was told.")]
    resets_at: Annotated[Moment | None, Meta(description="When it is full again, or was; null where nobody told.")]
    has_reset: Annotated[bool, Meta(description="Whether that is over: nobody has told what was used since.")]
    told_at: Annotated[Moment, Meta(description="When an answer told of it last.")]


class CredentialStanding(Struct, frozen=True, kw_only=True):
    """How a credential is doing, on this machine."""

    provider: str
    credential: Annotated[str | None, Meta(description="Null where the provider asks for none.")]
    in_flight: Annotated[int, Meta(description="Requests under way, over all workers.")]
    latency_ms: Annotated[int | None, Meta(description="How long the first token took of late; null where unknown.")]
    headroom: Annotated[
        float | None,
        Meta(
            description="The share of the provider's rate limits that is left, by the headers of its answers, a few of "
            "which are read each second; all of it once they have reset. Null where no header told of any."
        ),
    ]
    limits_reset_at: Annotated[Moment | None, Meta(description="When the tightest of these limits does.")]
    token_until: Annotated[
        Moment | None,
        Meta(description="Of a credential that is exchanged for access tokens: when the last one ends."),
    ]
    rests: tuple[RestView, ...]
    windows: Annotated[
        tuple[RateWindow, ...],
        Meta(description="Each of its rate limits that answers told of, eight at most: that with least left is first."),
    ] = ()


class ProviderStanding(Struct, frozen=True, kw_only=True):
    """How a provider is doing, on this machine."""

    credentials: tuple[CredentialStanding, ...]
    targets: Annotated[tuple[RestView, ...], Meta(description="Models to which nobody is sent for now.")]


class TryWish(Section, frozen=True, kw_only=True):
    """What is to be tried although it rests."""

    provider: Annotated[Identifier, Meta(description="Whose.")]
    credential: Annotated[Name | None, Meta(description="Which of its credentials; all that rest where unset.")] = None
    model: Annotated[
        Model | None,
        Meta(description="A model to be asked now, by us; where unset the next client's request tries."),
    ] = None


class Tried(Struct, frozen=True, kw_only=True):
    """What came of it."""

    asked: Annotated[ProbeView | None, Meta(description="How asking went; null where a client's request tries.")]
    ended: Annotated[int, Meta(description="Rests that are over.")]
    let: Annotated[int, Meta(description="Rests which the next request may break.")]


class Ended(Struct, frozen=True, kw_only=True):
    """What was ended."""

    ended: Annotated[int, Meta(description="How many rests.")]


def whose(provider: str, credential: str | None = None, model: str | None = None) -> Which:
    """What is meant among all that may rest: of a provider, or what is named of it."""
    return Which(provider, credential, model)


def list_rests(actor: Actor, providers: Sequence[Provider], pools: Pools, now_us: int) -> list[RestView]:
    """Everything in use that rests, by provider, credential and model. Raises NotPermitted."""
    actor.require(READ)
    known = {provider.id: provider for provider in providers}
    found = (rest for rest in pools.rests(now_us) if _is_in_force(rest, known.get(rest.provider), pools, now_us))
    return sorted(map(_view, found), key=place_of)


def place_of(view: RestView) -> tuple[str, str, str, str]:
    """Where a rest stands in lists."""
    return view.provider, view.credential or "", view.model or "", view.kind


def show_provider(actor: Actor, provider: Provider, pools: Pools, now_us: int) -> ProviderStanding:
    """How a provider is doing. Raises NotPermitted."""
    rests = list_rests(actor, (provider,), pools, now_us)
    return ProviderStanding(
        credentials=tuple(_standing(each, rests, pools, now_us) for each in _credentials(provider)),
        targets=tuple(rest for rest in rests if rest.kind == "target"),
    )


def show_credential(actor: Actor, provider: Provider, name: str, *, pools: Pools, now_us: int) -> CredentialStanding:
    """How a credential is doing. Raises NotPermitted, UnknownResource."""
    return _standing(find_credential(provider, name), list_rests(actor, (provider,), pools, now_us), pools, now_us)


async def end_rests(office: Office, actor: Actor, which: Which, pools: Pools) -> Ended:
    """Use again what rests. Raises NotPermitted."""
    actor.require(WRITE)
    said = which._asdict()
    await office.change(actor, lambda change: change.note("rest.clear", _subject(which), after=said))
    return Ended(ended=pools.end_rests(which, office.now_us))


async def try_now(office: Office, actor: Actor, wish: TryWish, pool: Pool, ask: Ask) -> Tried:
    """Have it tried, by asking a provider ourselves or by the next request of a client.

    Raises NotPermitted, UnknownResource, Unacceptable.
    """
    actor.require(WRITE)
    provider, pools = pool
    which = Which(wish.provider, wish.credential)
    if wish.model is None:
        await office.change(actor, lambda change: change.note("rest.probe", _subject(which), after=which._asdict()))
        return Tried(asked=None, ended=0, let=pools.let_try(which, office.now_us))
    credential = _chosen(provider, wish, pools, office.now_us)
    said = ProbeWish(model=wish.model)
    if credential.name:
        asked = await probes.try_credential(office, actor, f"{provider.id}/{credential.name}", said, ask)
    else:
        asked = await probes.try_provider(office, actor, provider.id, said, ask)
    before = len(pools.rests(office.now_us))
    if asked.ok:
        pools.succeeded(credential, Target(provider.id, wish.model), asked.latency_ms * 1000, office.now_us)
    return Tried(asked=asked, ended=max(before - len(pools.rests(office.now_us)), 0), let=0)


def find_provider(providers: Sequence[Provider], name: str) -> Provider:
    """A provider in use. Raises UnknownResource."""
    found = next((each for each in providers if each.id == name), None)
    if found is None:
        raise UnknownResource(f"There is no provider `{name}` in use.")
    return found


def find_credential(provider: Provider, name: str) -> Credential:
    """A credential in use. Raises UnknownResource."""
    found = next((each for each in provider.credentials if each.name == name), None)
    if found is None:
        raise UnknownResource(f"There is no credential `{provider.id}/{name}` in use.")
    return found


def _credentials(provider: Provider) -> Sequence[Credential]:
    return provider.credentials or (nobody(provider.id),)


def _chosen(provider: Provider, wish: TryWish, pools: Pools, now_us: int) -> Credential:
    """The credential that is named, else the first that rests."""
    if wish.credential is not None:
        return find_credential(provider, wish.credential)
    every = _credentials(provider)
    resting = (each for each in every if pools.standing(each, wish.model or "", now_us).until_us)
    return next(resting, every[0])


def _is_in_force(rest: Rest, provider: Provider | None, pools: Pools, now_us: int) -> bool:
    """Whether a rest is of something in use: a credential's may be that of a secret it had before."""
    if provider is None or not provider.rests or not rest.credential:
        return provider is not None and provider.rests
    credentials = (each for each in provider.credentials if as_kept(provider.id, each.name)[1] == rest.credential)
    credential = next(credentials, None)
    if credential is None:
        return False
    is_cut = len("".join((rest.provider, rest.credential, rest.model)).encode()) > MOST_KEPT_BYTES
    return is_cut or bool(pools.standing(credential, rest.model, now_us).until_us)


def _view(rest: Rest) -> RestView:
    kinds: tuple[Literal["credential", "model", "target"], ...] = ("credential", "model", "target")
    return RestView(
        kind=kinds[rest.kind - 1],
        provider=rest.provider,
        credential=rest.credential or None,
        model=rest.model or None,
        reason=rest.standing.reason,
        until=write_instant(rest.standing.until_us),
        hard=rest.standing.hard,
        probe_due=rest.standing.probe_due,
    )


def _standing(credential: Credential, rests: Sequence[RestView], pools: Pools, now_us: int) -> CredentialStanding:
    figures, name, told = pools.figures(credential), credential.name or None, pools.told(credential, now_us)
    return CredentialStanding(
        provider=credential.provider,
        credential=name,
        in_flight=figures.in_flight,
        latency_ms=round(figures.latency_us / 1000) if figures.latency_us else None,
        headroom=told.headroom,
        limits_reset_at=write_instant(told.resets_at_us) if told.resets_at_us else None,
        token_until=write_instant(told.token_until_us) if told.token_until_us else None,
        rests=tuple(rest for rest in rests if rest.kind != "target" and rest.credential == name),
        windows=windows_of(told.quotas, now_us),
    )


def windows_of(quotas: Sequence[Quota], now_us: int) -> tuple[RateWindow, ...]:
    """Rate limits as they stand now: the tightest first, then what has reset, then what is not known."""
    return tuple(sorted((_window(each, now_us) for each in quotas), key=_looseness))


def _window(quota: Quota, now_us: int) -> RateWindow:
    has_reset = 0 < quota.resets_at_us <= now_us
    is_known = quota.resets_at_us > now_us or now_us - quota.told_at_us < UNTOLD_SECONDS * 1e6
    remaining = quota.remaining if is_known and not has_reset else None
    return RateWindow(
        name=quota.name,
        left=1.0 if has_reset else quota.share if is_known else None,
        remaining=_whole(remaining),
        limit=_whole(quota.limit),
        window_seconds=_whole(quota.length_seconds),
        resets_at=write_instant(quota.resets_at_us) if quota.resets_at_us else None,
        has_reset=has_reset,
        told_at=write_instant(quota.told_at_us),
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)


def _looseness(window: RateWindow) -> tuple[bool, bool, float, str]:
    return window.left is None, window.has_reset, window.left or 0.0, window.name


def _subject(which: Which) -> Subject:
    name = which.provider if which.credential is None else f"{which.provider}/{which.credential}"
    return Subject("provider" if which.credential is None else "credential", name, name)
