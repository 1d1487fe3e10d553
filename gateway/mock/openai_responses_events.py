"""The events of a streamed response, in the order and with the numbers of OpenAI. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from gateway.mock.answers import Call
from gateway.mock.openai_responses_output import Events, Fields, Plan, Planned, failure, finished, response


class Writer:
    """The events of one stream; made when their time has come, as each has its number and the last repeat the rest."""

    __slots__ = ("_call", "_done", "_due", "_keep", "_number", "_plan", "_said")

    def __init__(self, call: Call, plan: Plan, keep: Callable[[Fields], None]) -> None:
        """`keep` is given the response in the end."""
        self._call = call
        self._plan = plan
        self._keep = keep
        self._number = 0
        self._said: list[bytes] = []
        self._done: list[Fields] = []
        self._due = b""

    def opening(self) -> bytes:
        """The response without its output, and the beginning of its first item."""
        empty = {"response": response(self._call)}
        begun = self._event("response.created", empty) + self._event("response.in_progress", empty)
        return begun + (self._begin(0) if self._plan.items else b"")

    def contents(self) -> Iterator[bytes]:
        """One item for each piece, after whatever ends one output item and begins the next."""
        for index, item in enumerate(self._plan.items):
            if index:
                self._due += self._begin(index)
            before, after = _around(item, index)
            for piece in item.pieces:
                self._said.append(piece)
                due, self._due = self._due, b""
                self._number += 1
                yield b"%b%b%d%b%b}\n\n" % (due, before, self._number - 1, after, piece)
            self._due += self._end(index)

    def closing(self) -> bytes:
        """What comes after the last piece: the rest of the items."""
        return self._due

    def end(self) -> bytes:
        """The response in the end."""
        document = finished(self._call, self._plan, self._done)
        self._keep(document)
        return self._event(f"response.{self._plan.status}", {"response": document})

    def error(self) -> bytes:
        """An error inside a stream that began well: OpenAI says it twice."""
        wrong = failure(self._call)
        nested = {"type": "server_error", "code": wrong["code"], "message": wrong["message"], "param": None}
        said = self._event("error", {**wrong, "param": None, "error": nested})
        document = {**response(self._call, "failed"), "error": wrong, "output": self._done}
        return said + self._event("response.failed", {"response": document})

    def _begin(self, index: int) -> bytes:
        item = self._plan.items[index]
        added = self._event("response.output_item.added", {"output_index": index, "item": item.begun})
        return added + self._events(item, index, item.begins)

    def _end(self, index: int) -> bytes:
        item = self._plan.items[index]
        said = "".join(map(orjson.loads, self._said))
        self._said.clear()
        document = item.done(said)
        self._done.append(document)
        ended = self._events(item, index, item.ends(said))
        return ended + self._event("response.output_item.done", {"output_index": index, "item": document})

    def _events(self, item: Planned, index: int, events: Events) -> bytes:
        place = {"item_id": item.begun["id"], "output_index": index}
        return b"".join(self._event(kind, {**place, **fields}) for kind, fields in events)

    def _event(self, kind: str, fields: Fields) -> bytes:
        document = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(document))


def _around(item: Planned, index: int) -> tuple[bytes, bytes]:
    """What stands before the number of a piece's event, and between it and the piece."""
    kind = item.delta.encode()
    before = b'event: %b\ndata: {"type":"%b","sequence_number":' % (kind, kind)
    place = orjson.dumps({"item_id": item.begun["id"], "output_index": index, **item.place})
    return before, b"," + place[1:-1] + b',"delta":'
