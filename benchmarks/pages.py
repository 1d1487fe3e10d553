"""Pages of the dashboard as a browser loads them: how long until all of one is there, and how many requests that takes.

Knows HTTP and the attributes by which a page asks for more of itself. Does not know what any page shows.
"""

from __future__ import annotations

import http.client
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from urllib.parse import quote

from benchmarks.errors import BenchmarkError

SECONDS = 60.0
"""How long a page may take."""

LATER = re.compile(rb"<[^>]*\bhx-trigger=\"[^\"]*\bload\b[^\"]*\"[^>]*>")
"""Parts that are asked for as soon as the page is there."""
ADDRESS = re.compile(rb"\bhx-get=\"([^\"]+)\"")
KEPT = re.compile(rb"<(?:script|link|img)\b[^>]*\b(?:src|href)=\"(/[^\"]+)\"")
"""Files that a browser keeps: asked for by the first visit only."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One time that a page was loaded."""

    seconds: float
    requests: int
    """For a browser that has been here before."""
    kept: int
    """Further ones for a browser that has not."""
    bytes: int


class Browser:
    """A client with one connection that stays open."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = http.client.HTTPConnection(address, timeout=SECONDS)

    def load(self, path: str) -> Visit:
        """A page, and the parts of it that come later. Raises `BenchmarkError` unless all of it is answered 200."""
        begun = time.perf_counter()
        page = self._get(path)
        parts = [self._get(_joined(path, each)) for each in _later(page)]
        took = time.perf_counter() - begun
        kept = {found for found in KEPT.findall(page) if found.startswith(b"/static/")}
        return Visit(took, 1 + len(parts), len(kept), len(page) + sum(map(len, parts)))

    def get(self, path: str) -> bytes:
        """The body of an answer, whatever it is. Raises `BenchmarkError`."""
        return self._get(path)

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def _get(self, path: str) -> bytes:
        try:
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise BenchmarkError(f"{path}: {type(error).__name__} {error}") from error
        if answer.status != 200:
            raise BenchmarkError(f"{path} was answered {answer.status}")
        return body


def _later(page: bytes) -> list[str]:
    found = (ADDRESS.search(tag) for tag in LATER.findall(page))
    return [match[1].decode().replace("&amp;", "&") for match in found if match]


def _joined(page: str, address: str) -> str:
    return page.partition("?")[0] + address if address.startswith("?") else address


def figures(visits: Sequence[Visit]) -> dict[str, float]:
    """What is told of many loads of one page."""
    times = sorted(visit.seconds * 1000 for visit in visits)
    cut = quantiles(times, n=20, method="inclusive") if len(times) > 1 else [times[0]] * 19
    last = visits[-1]
    return {
        "first_ms": visits[0].seconds * 1000,
        "p50_ms": cut[9],
        "p95_ms": cut[18],
        "requests": last.requests,
        "first_requests": last.requests + last.kept,
        "kilobytes": last.bytes / 1000,
    }


def filled(path: str, places: Mapping[str, str]) -> str:
    """A path with `{id}` and the like in it, made whole."""
    for name, value in places.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


def main(address: str, path: str) -> None:
    """Load one page over and over, until ended: what else runs is measured meanwhile. Pages are there a little later
    than what serves clients; what goes wrong after the first one is told.

    What a page asks for later is looked up once: a browser's own work is not done on the gateway's machine.
    """
    browser, addresses = Browser(address), [path]
    is_there = False
    while True:
        try:
            pages = [browser.get(each) for each in addresses]
            if not is_there:
                addresses += [_joined(path, each) for each in _later(pages[0])]
                is_there = True
        except BenchmarkError as error:
            if is_there:
                print(error, file=sys.stderr, flush=True)
            time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
