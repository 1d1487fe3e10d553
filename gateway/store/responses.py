"""Responses of the Responses API, kept so that clients can refer to them by id.

Knows whose a response is, how long it is kept and which ones it continues. Does not know what is in one beyond
`output`, nor who asks. Another key's, an unknown and an expired one are the same: not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from gateway.errors import UnknownPreviousResponse
from gateway.records import StoredResponse
from gateway.store.session import Row, Session
from gateway.store.state import State

MOST_LINKS = 500
"""Responses in one history."""

MOST_HISTORY_BYTES = 32 * 1024 * 1024
"""Size of one history: a request carries it to a provider whole."""

EXPIRED_AT_ONCE = 200
"""Expired responses deleted in one transaction, so that nobody waits long for it."""

CAUSE = "previous_response_id"

Items = list[dict[str, Any]]


class Given(NamedTuple):
    """What one response adds to a conversation."""

    response_id: str
    asked: Items
    """The items of its request."""
    answered: Items
    """The items of its output."""


class ResponseStore:
    """Every method raises StateUnavailable where the database cannot be used; none takes longer than its patience."""

    def __init__(self, state: State, *, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.max_bytes = max_bytes
        """Size of request items and response together above which only the fact is kept."""
        self._state, self._clock = state, clock

    async def keep(self, record: StoredResponse) -> None:
        """Have it on disk when this returns, in place of one with the same key and id."""
        # The row is made on the thread, for a text of a megabyte takes its time.
        await self._state.run(lambda session: session.run("responses/keep", _row(record, self.max_bytes)))

    async def find(self, response_id: str, key: str) -> StoredResponse | None:
        """The response of this key with this id; None when there is none."""
        if not response_id.isprintable():
            return None
        asked = self._asked(response_id, key)
        row = await self._state.run(lambda session: session.row("responses/find", asked))
        return None if row is None else _record(row)

    async def history(self, response_id: str, key: str) -> Items | None:
        """What led to this response and what it said: for each one it continues, oldest first, then for itself, the
        items of its request and those of its output. None when one of them is not there.

        Raises UnknownPreviousResponse when one is there but its items are not, or when the chain is too long.
        """
        if not response_id.isprintable():
            return None
        return await self._state.run(lambda session: self._history(session, response_id, key))

    async def led_to(self, response_id: str, key: str) -> list[Given]:
        """What this response answers: what each one it continues adds, oldest first, and at last its own request,
        without its own output. As far back as all of it is kept; nothing where the response itself is not."""
        if not response_id.isprintable():
            return []
        return await self._state.run(lambda session: self._led_to(session, response_id, key))

    async def delete(self, response_id: str, key: str) -> bool:
        """Forget it; whether it was there."""
        if not response_id.isprintable():
            return False
        asked = self._asked(response_id, key)
        return await self._state.run(lambda session: session.run("responses/delete", asked)) > 0

    async def forget_expired(self) -> int:
        """Delete some of what has expired; how many. To be called until there are none."""
        bounds = {"now": int(self._clock()), "limit": EXPIRED_AT_ONCE}
        return await self._state.run(lambda session: session.run("responses/forget_expired", bounds))

    async def give_back_space(self) -> bool:
        """Make the database smaller by some of what is free in it; whether there is more to give back."""
        return await self._state.run(lambda session: session.give_back_space())

    async def close(self) -> None:
        """Finish what was begun and close the database."""
        await self._state.close()

    def _asked(self, response_id: str, key: str) -> dict[str, object]:
        return {"id": response_id, "key": key, "now": int(self._clock())}

    def _chain(self, session: Session, response_id: str, key: str) -> list[_Link]:
        """The responses that this one continues, oldest first, and this one last."""
        bounds = {"most_steps": MOST_LINKS, "most_bytes": MOST_HISTORY_BYTES}
        return [_Link(**row) for row in session.rows("responses/chain", {**self._asked(response_id, key), **bounds})]

    def _led_to(self, session: Session, response_id: str, key: str) -> list[Given]:
        found: list[Given] = []
        for link in self._chain(session, response_id, key):
            if link.input is None or link.response is None:
                found = []  # whatever came before has a gap after it
            else:
                found.append(Given(link.id, orjson.loads(link.input), _output(link.response)))
        if found:
            found[-1] = found[-1]._replace(answered=[])
        return found

    def _history(self, session: Session, response_id: str, key: str) -> Items | None:
        links = self._chain(session, response_id, key)
        if not links:
            return None
        before = links[0].previous_id
        if before is not None:
            if session.row("responses/find", self._asked(before, key)) is None:
                return None
            raise UnknownPreviousResponse(
                f"The conversation that leads to response '{response_id}' is too long to be continued by its id: more "
                f"than {MOST_LINKS} responses or {MOST_HISTORY_BYTES} bytes. Send its items instead.",
                param=CAUSE,
            )
        return list(_items(links))


class _Link(NamedTuple):
    """A row of `responses/chain`."""

    id: str
    previous_id: str | None
    provider: str
    native: int
    omitted: int
    input: str | None
    response: str | None


def _items(links: Sequence[_Link]) -> Iterator[dict[str, Any]]:
    for link in links:
        if link.native:
            raise UnknownPreviousResponse(
                f"Response with id '{link.id}' is kept by the provider '{link.provider}' alone and cannot be continued "
                "elsewhere by its id. Send its items instead.",
                param=CAUSE,
            )
        if link.input is None or link.response is None:
            raise UnknownPreviousResponse(
                f"Response with id '{link.id}' was not kept: it is larger than `responses.max_bytes`. Send its items "
                "instead.",
                param=CAUSE,
            )
        yield from orjson.loads(link.input)
        yield from _output(link.response)


def _output(response: str) -> Items:
    items: Items = orjson.loads(response).get("output") or []
    return items


def _row(record: StoredResponse, max_bytes: int) -> dict[str, object]:
    """The parameters of `responses/keep`."""
    size = len(record.input or b"") + len(record.response or b"")
    omitted = not record.native and size > max_bytes
    is_kept = not record.native and not omitted
    return {
        "key": record.key,
        "id": record.id,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "previous_id": record.previous_id,
        "provider": record.provider,
        "credential": record.credential,
        "model": record.model,
        "native": record.native,
        "omitted": omitted,
        "input": record.input.decode() if is_kept and record.input is not None else None,
        "response": record.response.decode() if is_kept and record.response is not None else None,
        "size": size if is_kept else 0,
        "status": record.status,
    }


def _record(row: Row) -> StoredResponse:
    """A row of `responses/find`."""
    said, response = row["input"], row["response"]
    kept = {
        "native": bool(row["native"]),
        "omitted": bool(row["omitted"]),
        "input": None if said is None else said.encode(),
        "response": None if response is None else response.encode(),
    }
    return StoredResponse(**{**row, **kept})
