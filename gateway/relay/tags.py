"""The tags of a request: its key's own, and those that its client says. They are noted, and mean nothing to us."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from .sink import Header

TAGS = b"x-sluicegate-tags"
"""Header in which a client says them, with commas between."""

MOST = 16
LENGTH = slice(64)


@lru_cache(maxsize=1024)
def own_tags(said: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a key, as they are noted."""
    return _kept(said)


def all_tags(own: tuple[str, ...], headers: Iterable[Header]) -> tuple[str, ...]:
    """Those of a key, and behind them those of a request that says some."""
    said = (value.decode("utf-8", "ignore") for name, value in headers if name == TAGS)
    return _kept((*own, *(tag for each in said for tag in each.split(","))))


def _kept(tags: Iterable[str]) -> tuple[str, ...]:
    """Each once, as many and as much of each as is noted."""
    return tuple(dict.fromkeys(filter(None, _printed(tags))))[:MOST]


def _printed(tags: Iterable[str]) -> Iterator[str]:
    for tag in tags:
        yield "".join(filter(str.isprintable, tag)).strip()[LENGTH].rstrip()
