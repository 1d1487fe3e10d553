"""Whose turn it is, what they ask and what becomes of it. Pure: chance is handed in.

The same programs ask that have left the history, as often beside each other as there; what a mock is told makes their
answers as long, as slow and as dear as those were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from gateway.seeding.bodies import WORDS, Question, Written, write
from gateway.seeding.clients import AGENTS, Ask, Key, targets_of
from gateway.seeding.rhythm import ASKS
from gateway.seeding.world import MODELS, PLACE_OF_MODEL, Model

PIECE_BYTES = 36
"""Content of a chunk, about as many letters as eight tokens have."""
TOKENS_IN_PIECE = 8

MOST_PIECES = 60
LONGEST_FIRST_MS = 4000
"""Patience is short where somebody looks on."""

ANY = ("*",)
FORBIDDEN = "openai/gpt-5.4-pro"
"""What nobody may ask for who may not ask for everything."""

EVENNESS = 0.6
"""How much less those ask who ask most, so that within a minute everybody has had a turn."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of some requests. A share that does not fit a request makes it go well."""

    share: float
    script: str = ""
    """What the mock is told beside how long it takes."""
    wrong_key: bool = False
    wrong_model: bool = False
    leaves: bool = False
    """The client goes in the middle of the stream."""
    streams_only: bool = False


WELL = Fate(1.0)

FATES = (
    Fate(0.020, "status=429;retry=3;times=1"),
    Fate(0.010, "overloaded;times=1"),
    Fate(0.008, "status=502;times=2"),
    Fate(0.003, "status=502"),
    Fate(0.008, "status=400"),
    Fate(0.006, "cut=6", streams_only=True),
    Fate(0.006, wrong_key=True),
    Fate(0.020, wrong_model=True),
    Fate(0.060, leaves=True, streams_only=True),
)
"""All others go well."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, and what its client does."""

    key: str | None
    """Name of its client key; None for one that nobody knows."""
    written: Written
    agent: str
    tags: tuple[str, ...]
    script: str
    leaves_after: float | None = None
    """Seconds after which the client is gone."""


class Turns:
    """An endless row of them."""

    def __init__(self, chance: Random, may: Callable[[str], bool]) -> None:
        """`may` tells which names may be asked for."""
        self._chance = chance
        self._asks = [(key, ask) for key, ask in ASKS if may(ask.name)]
        self._weights = [_weight(key, ask) for key, ask in self._asks]
        self._number = 0

    def next(self) -> Turn | None:
        """The next one; None where nothing may be asked."""
        if not self._asks:
            return None
        self._number += 1
        ((key, ask),) = self._chance.choices(self._asks, self._weights)
        return self._turn(key, ask)

    def _turn(self, key: Key, ask: Ask) -> Turn:
        chance = self._chance
        stream = chance.random() < ask.stream
        fate = self._fate(key, stream=stream)
        question = Question(
            model=FORBIDDEN if fate.wrong_model else ask.name,
            words=chance.choice(WORDS),
            stream=stream,
            tools=chance.random() < ask.tools,
        )
        timing, seconds = self._timing(ask, stream=stream)
        called = ["toolcall"] if question.tools and chance.random() < 0.4 else []
        marked = [fate.script, f"tag=demo-{self._number}"] if fate.script else []
        return Turn(
            key=None if fate.wrong_key else key.name,
            written=write(ask.dialect, question),
            agent=chance.choice(AGENTS[ask.agent]),
            tags=ask.tags,
            script=";".join([*timing, *called, *marked]),
            leaves_after=seconds * chance.uniform(0.3, 0.9) if fate.leaves else None,
        )

    def _fate(self, key: Key, *, stream: bool) -> Fate:
        at = self._chance.random()
        for fate in FATES:
            at -= fate.share
            if at < 0:
                fits = (stream or not fate.streams_only) and (key.models != ANY or not fate.wrong_model)
                return fate if fits else WELL
        return WELL

    def _timing(self, ask: Ask, *, stream: bool) -> tuple[list[str], float]:
        """What the mock is told of time and tokens, and how long that takes."""
        chance, model = self._chance, _model(ask)
        first_ms = min(model.first_ms * chance.lognormvariate(0, model.spread), LONGEST_FIRST_MS)
        prompt = max(8, round(ask.prompt * chance.lognormvariate(0, 0.7)))
        if not ask.answer:
            return [f"first={first_ms:.0f}ms", f"input={prompt}"], first_ms / 1000
        answer = max(4, round(ask.answer * chance.lognormvariate(0, 0.6)))
        pieces = max(3, min(answer // TOKENS_IN_PIECE, MOST_PIECES))
        pace_ms = TOKENS_IN_PIECE * 1000 / model.tokens_per_second
        # Of a plain answer the body comes when all of it is said.
        time = f"pace={pace_ms:.0f}ms" if stream else f"think={pieces * pace_ms:.0f}ms"
        said = [f"first={first_ms:.0f}ms", f"chunks={pieces}", time, f"size={PIECE_BYTES}"]
        kept = ["usage=cached"] if chance.random() < ask.cached else []
        return [*said, f"input={prompt}", f"output={answer}", *kept], (first_ms + pieces * pace_ms) / 1000


def _weight(key: Key, ask: Ask) -> float:
    together: Sequence[Ask] = key.asks
    return float(key.weight**EVENNESS * ask.weight / sum(each.weight for each in together))


def _model(ask: Ask) -> Model:
    """The one that is asked first."""
    return MODELS[PLACE_OF_MODEL[targets_of(ask.name)[0]] - 1]
