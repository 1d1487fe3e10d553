"""Where in the shared memory a credential, a model with it, a target or a turn has its slot: found once, then known.

Knows how to tell that a slot came or went, and makes one where there is none. What its words mean is for others. The
index of the area counts its changes: as long as that number stands still, so does everything that was looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from types import TracebackType
from typing import TypeVar

from gateway import logs
from gateway.pools.fields import (
    FAILURES,
    KIND,
    LABEL_AT,
    LABEL_BYTES,
    LATENCY,
    OWNER,
    SEPARATOR,
    TOUCHED,
    UNTIL,
    Kind,
    read_text,
    write_text,
)
from gateway.records import Credential, Target
from gateway.shared import locks
from gateway.shared.layout import PAGE, SEQUENCE
from gateway.shared.locks import Lock
from gateway.shared.memory import SharedMemory
from gateway.shared.slots import SharedFull, Slots, name_of

IDLE_US = 60_000_000
"""A slot may go, once all are given out, when nothing was heard of it for so long."""

FULL_US = 1_000_000
"""After no slot was to be had, how long no other is asked for."""

MOST_KNOWN = 8192
"""Names that are kept at most; whatever clients ask for, it does not fill the memory of a process."""

K = TypeVar("K")
V = TypeVar("V")
log = logs.get("pools")


class Cell:
    """One slot, or the want of it."""

    __slots__ = (
        "at",
        "column",
        "credential",
        "kind",
        "lock",
        "models",
        "name",
        "own",
        "owner",
        "parts",
        "sequence",
        "slot",
    )

    def __init__(self, kind: Kind, parts: tuple[str, ...], name: bytes, owner: int) -> None:
        self.kind, self.parts, self.name, self.owner = kind, parts, name, owner
        self.sequence = -1
        """Of the index, when this was looked up."""
        self.slot: int | None = None
        self.at = 0
        """Word at which the slot begins; where there is none, one of a slot in which everything is 0."""
        self.column = 0
        """Word that counts what the first worker has in flight."""
        self.own = 0
        """The same of this worker."""
        self.lock: Lock | None = None
        """That of the slot."""
        self.models: dict[str, Cell] = {}
        """Of a credential: with each model."""
        self.credential: Credential | None = None
        """Kept, so that no other can come to be at its address."""


class Pair:
    """The cells that one attempt is about: found together, as long as the index stands still."""

    __slots__ = (
        "by_model",
        "credential",
        "failures",
        "kept",
        "learning",
        "rest",
        "rest_by_model",
        "sequence",
        "target",
    )

    def __init__(self, kept: Credential) -> None:
        self.kept = kept
        """So that no other can come to be at its address."""
        self.sequence = -1
        self.credential: Cell
        self.by_model: Cell
        self.target: Cell
        self.rest = self.rest_by_model = self.failures = 0
        """Words that are 0 as long as nothing is the matter: the ends of rests, and the failures of the target."""
        self.learning: tuple[int, ...] = ()
        """Where the slots of the credential and of the target begin, as far as they have any."""


class Watch:
    """Where to look to know whether anybody rests of those who may answer for a target."""

    __slots__ = ("breaker", "ends", "kept", "sequence")

    def __init__(self, kept: tuple[Credential, ...]) -> None:
        self.kept = kept
        """So that no others can come to be at their address."""
        self.sequence = -1
        self.breaker = 0
        """Word that is 0 as long as the breaker of the target is closed."""
        self.ends: tuple[int, ...] = ()
        """Words in which rests end."""


class Held:
    """Slots that are locked while the block runs."""

    __slots__ = ("_lock", "_slots", "_wanted")

    def __init__(self, slots: Slots, wanted: list[tuple[int, bytes]]) -> None:
        self._slots, self._wanted = slots, wanted
        self._lock = slots.lock(*(slot for slot, _ in wanted))

    def __enter__(self) -> bool:
        self._lock.__enter__()
        return bool(self._wanted) and all(self._slots.holds(slot, name) for slot, name in self._wanted)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.__exit__(kind, error, at)


class Cells:
    """All slots that this process has looked for."""

    def __init__(self, memory: SharedMemory, column: int | None, clock: Callable[[], int]) -> None:
        self._slots = Slots(memory, "pools", self._may_go)
        self._column, self._clock = column, clock
        self._place = memory.layout.of("pools")
        self.bytes = memory.bytes
        self.words, self.reals = memory.signed, memory.reals
        self.head = memory.index("pools").head
        self.columns = memory.columns
        self.stride = self._place.column_size // 8
        """Words from one column to the next."""
        self._nothing = (self._place.head + PAGE // 2) // 8
        self._full_until_us = 0
        self._credentials: dict[int, Cell] = {}
        self._targets: dict[tuple[str, str], Cell] = {}
        self._turns: dict[str, Cell] = {}
        self._pairs: dict[tuple[int, Target], Pair] = {}
        self._watches: dict[tuple[int, Target], Watch] = {}

    def forget(self) -> None:
        """Nothing is known any more: other credentials are in use."""
        self._credentials.clear()
        self._targets.clear()
        self._turns.clear()
        self._pairs.clear()
        self._watches.clear()

    def pair(self, credential: Credential, target: Target) -> Pair:
        """The cells of a credential, of the target's model with it, and of the target."""
        asked = (id(credential), target)
        pair = self._pairs.get(asked) or _remember(self._pairs, asked, Pair(credential))
        if pair.sequence != self.head[SEQUENCE]:
            pair.sequence = self.head[SEQUENCE]
            pair.credential = self.of(credential)
            pair.by_model = self.with_model(pair.credential, target.model)
            pair.target = self.of_target(target)
            pair.rest, pair.rest_by_model = pair.credential.at + UNTIL, pair.by_model.at + UNTIL
            pair.failures = pair.target.at + FAILURES
            pair.learning = tuple(cell.at for cell in (pair.credential, pair.target) if cell.slot is not None)
        return pair

    def watch(self, credentials: tuple[Credential, ...], target: Target) -> Watch:
        """Where to look for rests of these, and of the target's model with them, and for its breaker."""
        asked = (id(credentials), target)
        watch = self._watches.get(asked) or _remember(self._watches, asked, Watch(credentials))
        if watch.sequence != self.head[SEQUENCE]:
            watch.sequence = self.head[SEQUENCE]
            pairs = [self.pair(credential, target) for credential in credentials]
            watch.breaker = self.of_target(target).at + UNTIL
            watch.ends = tuple(cell.at + UNTIL for pair in pairs for cell in (pair.credential, pair.by_model))
        return watch

    def of(self, credential: Credential) -> Cell:
        """The cell of a credential."""
        cell = self._credentials.get(id(credential))
        if cell is None:
            cell = self._meet(credential)
        if cell.sequence != self.head[SEQUENCE]:
            self.look(cell)
        return cell

    def with_model(self, cell: Cell, model: str) -> Cell:
        """The cell of a model with the credential of a cell."""
        found = cell.models.get(model)
        if found is None:
            name = model_name(cell, model)
            found = _remember(cell.models, model, Cell(Kind.MODEL, (*cell.parts, model), name, cell.owner))
        if found.sequence != self.head[SEQUENCE]:
            self.look(found)
        return found

    def of_target(self, target: Target) -> Cell:
        """The cell of a target."""
        parts = (target.provider, target.model)
        cell = self._targets.get(parts)
        if cell is None:
            cell = _remember(self._targets, parts, Cell(Kind.TARGET, parts, name_of("target", *parts), 0))
        if cell.sequence != self.head[SEQUENCE]:
            self.look(cell)
        return cell

    def of_turn(self, name: str) -> Cell:
        """The cell of a count of turns."""
        cell = self._turns.get(name)
        if cell is None:
            cell = _remember(self._turns, name, Cell(Kind.TURN, (name,), name_of("turn", name), 0))
        if cell.sequence != self.head[SEQUENCE]:
            self.look(cell)
        return cell

    def count_up(self, cell: Cell, field: int) -> int | None:
        """Add one to a word of a slot, exactly whoever else does; what it was before. None where the slot is another's
        by now."""
        slot, lock = cell.slot, cell.lock
        assert slot is not None  # made before anything is counted in it
        assert lock is not None
        locks.hold(lock)
        try:
            if not self._slots.holds(slot, cell.name):
                return None
            words, at = self.words, cell.at
            value: int = words[at + field]
            words[at + field] = value + 1
            words[at + TOUCHED] = self._clock()
            return value
        finally:
            locks.let_go(lock)

    def look(self, cell: Cell) -> int | None:
        """Find its slot, as things stand now."""
        cell.sequence = self.head[SEQUENCE]
        slot = cell.slot = self._slots.find(cell.name)
        if slot is None:
            cell.at, cell.lock = self._nothing, None
            return None
        cell.at = self._slots.offset(slot) // 8
        cell.column = self._slots.column_offset(slot, 0) // 8
        cell.own = cell.column + self.stride * (self._column or 0)
        cell.lock = self._slots.lock_of(slot)
        return slot

    def make(self, cell: Cell) -> bool:
        """Whether there is a slot for it now; where there is no room it is not shared."""
        if cell.slot is not None:
            return True
        now_us = self._clock()
        if 0 <= self._full_until_us - now_us <= FULL_US:
            return False
        try:
            self._slots.get(cell.name)
        except SharedFull as full:
            self._full_until_us = now_us + FULL_US
            log.warning("what workers should know together is known to one of them only", reason=str(full))
            return False
        slot = self.look(cell)
        if slot is None:
            return False
        with self.held(cell) as is_ours:
            if is_ours:
                self._fill(cell, slot, now_us)
            return is_ours

    def held(self, *cells: Cell) -> Held:
        """Hold the locks of those that have slots while the block runs. Whether there are any, and they still are
        theirs: if not, nothing is to be done."""
        return Held(self._slots, [(cell.slot, cell.name) for cell in cells if cell.slot is not None])

    def all(self) -> Iterator[Cell]:
        """Every slot that is filled in."""
        for slot, name in self._slots.names():
            offset = self._slots.offset(slot)
            at = offset // 8
            if not (kind := self.words[at + KIND]):
                continue
            label = self.bytes[offset + LABEL_AT : offset + LABEL_AT + LABEL_BYTES].tobytes()
            parts = tuple(read_text(label).split(SEPARATOR))
            cell = Cell(Kind(kind), parts, name, self.words[at + OWNER])
            cell.slot, cell.at = slot, at
            yield cell

    def _meet(self, credential: Credential) -> Cell:
        parts = (credential.provider, credential.name)
        # A new secret is another account: it does not inherit the rests of the former one.
        secret = blake2b(credential.secret.encode(), digest_size=32).hexdigest()
        cell = Cell(Kind.CREDENTIAL, parts, name_of("credential", *parts, secret), owner_of(*parts))
        cell.credential = credential
        return _remember(self._credentials, id(credential), cell)

    def _fill(self, cell: Cell, slot: int, now_us: int) -> None:
        """Say what a slot is for. Two who do so at once write the same."""
        offset = self._slots.offset(slot)
        label = write_text(SEPARATOR.join(cell.parts), LABEL_BYTES)
        self.bytes[offset + LABEL_AT : offset + LABEL_AT + LABEL_BYTES] = label
        self.words[cell.at + OWNER] = cell.owner
        self.words[cell.at + TOUCHED] = now_us
        self.words[cell.at + KIND] = cell.kind

    def _may_go(self, slot: int) -> bool:
        """Nothing is in flight, nothing rests, and it was idle; a target of which nothing is known may go at once: it
        may be one of many that somebody made up."""
        at = self._slots.offset(slot) // 8
        words, now_us = self.words, self._clock()
        if words[at + UNTIL] > now_us or self.in_flight(self._slots.column_offset(slot, 0) // 8):
            return False
        if abs(now_us - words[at + TOUCHED]) > IDLE_US:
            return True
        kind = words[at + KIND]
        return not kind or (kind == Kind.TARGET and not words[at + FAILURES] and not self.reals[at + LATENCY])

    def in_flight(self, column: int) -> int:
        """Over all workers. One whose supervisor died drains on while its successor begins at 0: together they may come
        to less than nothing."""
        total = 0
        for _ in range(self.columns):
            total += self.words[column]
            column += self.stride
        return max(total, 0)


def _remember(known: dict[K, V], name: K, value: V) -> V:
    """Keep what was looked up; all is forgotten once it is too much."""
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[name] = value
    return value


def model_name(credential: Cell, model: str) -> bytes:
    """What a slot is found by: of a model with a credential."""
    return name_of("model", model, credential.name.hex())


def owner_of(provider: str, name: str) -> int:
    """What all slots of a credential have in common."""
    return int.from_bytes(blake2b(f"{provider}\0{name}".encode(), digest_size=8).digest(), "little", signed=True)


def as_kept(*parts: str) -> tuple[str, ...]:
    """The parts of a name, as far as there is room for them in a slot."""
    return tuple(read_text(write_text(SEPARATOR.join(parts), LABEL_BYTES)).split(SEPARATOR))
