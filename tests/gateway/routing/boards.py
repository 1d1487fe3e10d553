"""A board that says what a test wrote on it, and remembers what it was asked to change."""

from __future__ import annotations

from collections import Counter

from gateway.records import Credential, Provider, Target
from gateway.routing.dispatch import Attempt, Dispatch, Wait
from gateway.routing.ordering import Conduct
from gateway.routing.standing import AVAILABLE, UNKNOWN, Figures, Standing
from gateway.routing.targets import Choice, TargetList
from gateway.routing.verdicts import Verdict

NOW = 1_000_000_000_000
SECOND = 1_000_000

ONWARD = Verdict("next_credential")


def rest(seconds: float, *, hard: bool = True, reason: str = "rate_limit", probe_due: bool = False) -> Standing:
    """A rest that ends so many seconds from now."""
    return Standing(NOW + round(seconds * SECOND), hard, reason, probe_due)


class Slate:
    """Credentials are written down by name, targets as `provider/model`."""

    def __init__(self, **rests: Standing) -> None:
        self.rests = rests
        self.breakers: dict[str, Standing] = {}
        self.busy: dict[str, int] = {}
        self.measured: dict[str, Figures] = {}
        self.holders: dict[bytes, bytes] = {}
        self.turns: Counter[str] = Counter()
        self.probed: list[str] = []
        self.claimed: list[str] = []

    def is_calm(self, credentials: tuple[Credential, ...], target: Target, now_us: int) -> bool:
        rests = [self.standing(each, target.model, now_us) for each in credentials]
        return all(standing == AVAILABLE for standing in (*rests, self.target_standing(target, now_us)))

    def standing(self, credential: Credential, model: str, now_us: int) -> Standing:
        return self.rests.get(credential.name, AVAILABLE)

    def target_standing(self, target: Target, now_us: int) -> Standing:
        return self.breakers.get(f"{target.provider}/{target.model}", AVAILABLE)

    def figures(self, credential: Credential) -> Figures:
        return self.measured.get(credential.name, Figures(self.busy.get(credential.name, 0)))

    def target_figures(self, target: Target) -> Figures:
        return self.measured.get(f"{target.provider}/{target.model}", UNKNOWN)

    def take_turn(self, name: str, sticky: int = 1) -> int:
        self.turns[name] += 1
        return (self.turns[name] - 1) // sticky

    def peek_turn(self, name: str, sticky: int = 1) -> int:
        return self.turns[name] // sticky

    def claim_probe(self, credential: Credential, model: str, now_us: int) -> bool:
        """Once for each credential."""
        if credential.name in self.probed:
            return False
        self.probed.append(credential.name)
        return True

    def claim_target_probe(self, target: Target, now_us: int) -> bool:
        name = f"{target.provider}/{target.model}"
        if name in self.claimed:
            return False
        self.claimed.append(name)
        return True

    def holder(self, session: bytes, now_us: int) -> bytes | None:
        return self.holders.get(session)


def pool(name: str, *credentials: Credential | str, strategy: str = "fill_first", **more: object) -> Provider:
    """A provider; credentials by name where nothing else is to be said of them."""
    held = tuple(Credential(name, each, "secret") if isinstance(each, str) else each for each in credentials)
    return Provider(name, "openai_chat", "http://localhost/v1", ("*",), strategy, held, **more)  # type: ignore[arg-type]


def conduct(*providers: Provider, board: Slate | None = None, **more: object) -> Conduct:
    """What holds for all requests."""
    known = {provider.id: provider for provider in providers}
    return Conduct(known, board if board is not None else Slate(), **more)  # type: ignore[arg-type]


def leads_to(*names: str) -> TargetList:
    """The model `m` of these providers, one after another."""
    return TargetList(tuple(Target(name, "m") for name in names))


def combo(*names: str, strategy: str, weights: tuple[int, ...] = ()) -> TargetList:
    """The same as a combo."""
    targets = tuple(Target(name, "m") for name in names)
    return TargetList(targets, Choice("combo", targets, strategy, weights))


def told(step: Attempt | Wait | None) -> str:
    """A step in a word: the credential, else the provider; a question mark behind a probe."""
    if isinstance(step, Attempt):
        return (step.credential.name or step.provider.id) + "?" * step.is_probe
    return f"wait {step.seconds:g}" if step is not None else "-"


def script(dispatch: Dispatch, *verdicts: Verdict, most: int = 40) -> list[str]:
    """What happens when every attempt fails with the next of these verdicts, the last one from then on. The clock goes
    on while it waits."""
    now_us, failures = NOW, list(verdicts) or [ONWARD]
    steps: list[str] = []
    while (step := dispatch.next(now_us)) is not None and len(steps) < most:
        steps.append(told(step))
        if isinstance(step, Wait):
            now_us += round(step.seconds * SECOND)
        else:
            dispatch.failed(failures.pop(0) if len(failures) > 1 else failures[0], now_us)
    return steps


def firsts(found: TargetList, known: Conduct, times: int) -> list[str]:
    """Who is asked first by one request after another."""
    return [told(Dispatch(found, known).next(NOW)) for _ in range(times)]
