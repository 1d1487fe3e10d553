"""What an import did, in numbers, and what its parts have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

from msgspec import Meta, Struct

from gateway.errors import Unacceptable
from gateway.settings.instants import read_instant


class Tally(Struct, kw_only=True):
    """How many things of a kind became what."""

    created: int = 0
    changed: int = 0
    removed: Annotated[int, Meta(description="Deleted, revoked, disabled or emptied, as is usual with the kind.")] = 0
    unchanged: int = 0

    @property
    def touched(self) -> int:
        """How many are not as they were."""
        return self.created + self.changed + self.removed

    def note(self, *, changed: bool) -> None:
        """Something was there before."""
        if changed:
            self.changed += 1
        else:
            self.unchanged += 1


def check_once(values: Iterable[object], place: str) -> None:
    """Raises Unacceptable where something is in a list twice that names one thing."""
    seen: set[object] = set()
    for at, value in enumerate(values):
        if value in seen:
            raise Unacceptable("This is in the document twice.", param=f"{place}.{at}")
        seen.add(value)


@contextmanager
def at_place(place: str) -> Iterator[None]:
    """What is found unacceptable within, which names a field of its own, is told with its place in the document."""
    try:
        yield
    except Unacceptable as error:
        if error.param is None or not error.param.startswith(place):
            error.param = place if error.param is None else f"{place}.{error.param}"
        raise


def when(text: str, place: str) -> int:
    """An instant of a document, Unix microseconds. Raises Unacceptable."""
    try:
        return read_instant(text)
    except ValueError as error:
        raise Unacceptable(f"{error}.", param=place) from None
