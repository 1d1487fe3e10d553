"""Pages of a list: a limit, and a cursor that says behind which row the next page begins.

Knows positions, not rows: a cursor holds the values that the list is sorted by, of the last row shown. A row that comes
or goes meanwhile moves no other onto another page. Cursors are opaque to clients, not secret and not signed: whoever
makes one up sees another part of what they may see anyway.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

import orjson
from msgspec import Meta

from gateway.errors import InvalidRequest

from .schemas import MOST, Query

DEFAULT_LIMIT = 50
MOST_ITEMS = 200
LONGEST_CURSOR = 1024

_IN_PATH = "/%:@!$&'()*+,;=~"
"""Stay as they are in the path of a link, an encoded character's percent sign among them."""

Position = tuple[str | int, ...]
Row = TypeVar("Row")
Item = TypeVar("Item")


class PageQuery(Query, frozen=True, kw_only=True):
    """The question for one page; lists that can be filtered have a subclass of it."""

    limit: Annotated[int, Meta(ge=1, le=MOST_ITEMS, description="Most items on the page.")] = DEFAULT_LIMIT
    cursor: (
        Annotated[
            str, Meta(min_length=1, max_length=LONGEST_CURSOR, description="`next_cursor` of the page before this one.")
        ]
        | None
    ) = None

    @property
    def fetched(self) -> int:
        """How many rows to read: one more than shown tells whether there is another page."""
        return self.limit + 1

    def after(self, *kinds: type[str] | type[int]) -> Position | None:
        """The values in the cursor, one of each kind; None on the first page. Raises InvalidRequest."""
        return None if self.cursor is None else read_cursor(self.cursor, kinds)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, and where it goes on."""

    items: Sequence[Item]
    next_cursor: str | None = None


def cut(
    rows: Sequence[Row], query: PageQuery, position: Callable[[Row], Position], show: Callable[[Row], Item]
) -> Page[Item]:
    """The page that `rows` make, of which up to `query.fetched` were read; `position` is what the list is sorted by."""
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return Page([show(row) for row in shown], write_cursor(*position(shown[-1])) if more else None)


def write_cursor(*position: str | int) -> str:
    """The cursor for these values."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode()


def read_cursor(cursor: str, kinds: Sequence[type[str] | type[int]]) -> Position:
    """The values in a cursor. Raises InvalidRequest when it is none of this list's."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        position = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError):
        position = None
    if not isinstance(position, list) or not _fits(position, kinds):
        raise InvalidRequest("`cursor` is none that this list has given.", param="cursor")
    return tuple(position)


def next_link(raw_path: bytes, query_string: bytes, cursor: str) -> str:
    """The header `Link` to the next page (RFC 8288): the same question with another cursor."""
    asked = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    question = urlencode([*((name, value) for name, value in asked if name != "cursor"), ("cursor", cursor)])
    return f'<{quote(raw_path, safe=_IN_PATH)}?{question}>; rel="next"'


def envelope(page: Page[Any]) -> Mapping[str, Any]:
    """A page as it is answered."""
    return {"items": page.items, "next_cursor": page.next_cursor}


def _fits(position: Sequence[object], kinds: Sequence[type]) -> bool:
    return len(position) == len(kinds) and all(_is(value, kind) for value, kind in zip(position, kinds, strict=True))


def _is(value: object, kind: type) -> bool:
    if kind is int:
        return type(value) is int and abs(value) <= MOST
    return isinstance(value, str) and "\x00" not in value
