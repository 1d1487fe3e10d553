"""One request from the playground: what would become of it, sent as a client sends it, and what came of it.

The gateway is asked by itself, by a client key, so that limits, budgets and records are those of any request. Knows how
an answer comes in. Does not know how the page looks, nor where the request is from.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from gateway.errors import GatewayError, Unacceptable, UnknownResource
from gateway.management import bodies
from gateway.management.lent_keys import HeldKey
from gateway.usage import paging
from web.around import Inquiry
from web.dialects import BY_PATH, Dialect, Heard, Listening, target_of, whole_of
from web.display import State, ended
from web.folding import Folded, fold, in_json
from web.page import Site, Visit
from web.pages.said import Exchange, answer_of
from web.seeing import visible_keys

LOOKS = 8
LOOK_SECONDS = 0.3
"""How often and how far apart one looks whether a request is booked."""

MOST_SHOWN_BYTES = 1024 * 1024
"""Of an answer."""

NO_TEXT = "It is no text, and is not shown."


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be sent."""

    endpoint: str
    """Its path, as the table of endpoints has it."""
    model: str
    """What stands in the path where that has a place for it."""
    body: bytes
    said: str = ""
    """What the user said last; empty where the body is written by hand."""

    @property
    def dialect(self) -> Dialect | None:
        """In which it is, where that is one of the four."""
        return BY_PATH.get(self.endpoint)

    @property
    def target(self) -> str:
        """Where it is sent."""
        return target_of(self.endpoint, self.model)


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a provider would be sent."""

    target: str
    asked_at: str
    translated: bool
    body: Folded | None
    """None where it is none, or no JSON."""
    dropped: tuple[str, ...]
    emulated: tuple[str, ...]
    quirks: tuple[str, ...]
    urls: int
    """How many would be fetched for it first."""
    refused: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A request, and what would become of it."""

    line: str
    client: Folded
    upstreams: tuple[Upstream, ...]
    """Whoever is asked first stands first."""
    trouble: str
    """Why it would not be sent, or cannot be told."""

    def at(self, target: str) -> Upstream | None:
        """What this target was sent; where nobody knows which it was, whoever would be asked first."""
        return next((each for each in self.upstreams if each.target == target), None) or next(
            iter(self.upstreams if not target else ()), None
        )


@dataclass(frozen=True, slots=True)
class Booked:
    """What the usage record says."""

    input_tokens: int
    output_tokens: int
    cost_nano_usd: int | None
    is_estimate: bool
    state: State
    """How it ended."""
    error: str
    is_captured: bool
    """Whether what was said is kept, as of any request."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request, as far as it has come."""

    state: State
    status: int
    link: str
    """The page of the request; empty where that is not for whoever looks."""
    request_id: str
    target: str
    credential: str
    attempts: str
    dropped: tuple[str, ...]
    first_us: int | None
    """Until the first word of a stream; None of an answer that came whole."""
    total_us: int | None
    thought: str
    answer: Folded | None
    note: str
    preview: Preview
    upstream: Upstream | None
    booked: Booked | None
    sides: Exchange | None
    """What the provider answered, and what the client got; None while nobody knows, or for whoever may not see it."""
    is_over: bool


@dataclass
class Play:
    """One request on its way."""

    site: Site
    visit: Visit
    held: HeldKey
    wish: Wish
    preview: Preview
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytearray = field(default_factory=bytearray)
    size: int = 0
    text: str = ""
    thought: str = ""
    first_us: int | None = None
    total_us: int | None = None
    trouble: str = ""
    booked: Booked | None = None
    sides: Exchange | None = None
    began_ns: int = 0

    @property
    def is_shown(self) -> bool:
        """Whether whoever asks may see what its provider answers, and the key lets that be kept."""
        return self.visit.person.may(bodies.READ) and self.held.key.capture

    async def run(self) -> AsyncIterator[Heard]:
        """What is heard, as it comes; the first time before anything is, when the head is there. Raises
        ControlUnavailable."""
        self.began_ns = time.monotonic_ns()
        try:
            async with self.site.around.playing.asked(
                self.wish.target, self.wish.body, self.held.secret, shown=self.is_shown
            ) as answer:
                self.status, self.headers = answer.status, answer.headers
                yield Heard()
                async for heard in self._hear(answer.parts):
                    yield heard
        except GatewayError as error:
            if not self.status:
                raise
            self.trouble = f"The answer broke off: {error.message}"
        self.total_us = self._passed_us()

    async def _hear(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Heard]:
        dialect = self.wish.dialect
        streams = dialect is not None and self.headers.get("content-type", "").startswith("text/event-stream")
        listening = Listening(dialect) if dialect is not None and streams else None
        async for part in parts:
            self.size += len(part)
            self.raw += part[: max(MOST_SHOWN_BYTES - len(self.raw), 0)]
            if listening is not None and (heard := listening.feed(part)) != Heard():
                if self.first_us is None:
                    self.first_us = self._passed_us()
                yield self._take(heard)
        if listening is None and dialect is not None and self.status < 400:
            yield self._take(whole_of(dialect, bytes(self.raw)))

    def _take(self, heard: Heard) -> Heard:
        self.text += heard.text
        self.thought += heard.thought
        return heard

    def _passed_us(self) -> int:
        return (time.monotonic_ns() - self.began_ns) // 1000

    async def book(self) -> None:
        """Wait a little for the usage record, if there is to be one, and for what the provider answered. Raises
        StateUnavailable."""
        try:
            known = UUID(self.headers.get("x-sluicegate-request-id", ""))
        except ValueError:
            return
        for _ in range(LOOKS):
            row = await paging.one(self.site.read, known, key_ids=(self.held.key.id,))
            if row is not None:
                self.booked = _booked(row)
                break
            await asyncio.sleep(LOOK_SECONDS)
        if self.is_shown:
            await self._look(str(known))

    async def _look(self, request_id: str) -> None:
        """What was said on both sides of the answer, once it is written; what was kept only for this is gone then."""
        for _ in range(LOOKS):
            try:
                capture = await bodies.read_bodies(self.site.office, self.visit.person, request_id)
            except (UnknownResource, Unacceptable):  # it is not there yet, or cannot be read: then it is not shown
                await asyncio.sleep(LOOK_SECONDS)
                continue
            self.sides = answer_of(capture)
            if self.booked is not None and not self.booked.is_captured:
                await bodies.forget_shown(self.site.office, self.visit.person, request_id)
            return

    @property
    def is_answered(self) -> bool:
        """Whether the model has said something."""
        return 0 < self.status < 400 and not self.trouble and bool(self.text)

    async def outcome(self) -> Outcome:
        """As far as it has come."""
        request_id = self.headers.get("x-sluicegate-request-id", "")
        visible = await visible_keys(self.site, self.visit)
        may_see = bool(request_id) and (visible is None or self.held.key.id in visible)
        provider, model = (self.headers.get(f"x-sluicegate-{name}", "") for name in ("provider", "model"))
        target = f"{provider}/{model}" if provider else ""
        is_over = self.total_us is not None
        answer, note = _shown(bytes(self.raw), self.size) if is_over else (None, "")
        return Outcome(
            state=self._state(is_over=is_over),
            status=self.status,
            link=f"/requests/{request_id}" if may_see else "",
            request_id=request_id,
            target=target,
            credential=self.headers.get("x-sluicegate-credential", ""),
            attempts=self.headers.get("x-sluicegate-attempts", ""),
            dropped=tuple(
                each.strip() for each in self.headers.get("x-sluicegate-dropped", "").split(",") if each.strip()
            ),
            first_us=self.first_us,
            total_us=self.total_us,
            thought=self.thought,
            answer=answer,
            note=" ".join(each for each in (self.trouble, self._error(), note) if each),
            preview=self.preview,
            upstream=self.preview.at(target) if self.status < 400 or target else None,
            booked=self.booked,
            sides=self.sides,
            is_over=is_over,
        )

    def _error(self) -> str:
        """What went wrong although it began well, as of a stream that holds an error."""
        return f"It ended with {self.booked.error}." if self.booked and self.booked.error and self.status < 400 else ""

    def _state(self, *, is_over: bool) -> State:
        if self.booked is not None and self.booked.error:
            return self.booked.state
        if self.status >= 400 or self.trouble:
            return State("failed", "bad")
        return State("answered", "good") if is_over else State("answering", "running")


def _booked(row: Mapping[str, Any]) -> Booked:
    return Booked(
        input_tokens=row["input_tokens"] or 0,
        output_tokens=row["output_tokens"] or 0,
        cost_nano_usd=row["cost_nano_usd"],
        is_estimate=row["usage_source"] == "estimated",
        state=ended(row["status"], row["error"]),
        error=row["error"] or "",
        is_captured=bool(row["captured"]),
    )


def _shown(raw: bytes, size: int) -> tuple[Folded | None, str]:
    """An answer as it is shown, and what there is to say of that."""
    cut = f"Only its beginning is shown, of {size:,} bytes." if size > len(raw) else ""
    try:
        return fold(raw.decode("utf-8", "ignore" if cut else "strict")), cut
    except UnicodeDecodeError:
        return None, NO_TEXT


async def preview_of(site: Site, visit: Visit, held: HeldKey | None, wish: Wish) -> Preview:
    """What would become of a request. Raises StateUnavailable."""
    text = wish.body.decode("utf-8", "replace")
    line, client = f"POST {wish.target}", fold(text)
    try:
        orjson.loads(wish.body)
    except orjson.JSONDecodeError as error:
        return Preview(line, client, (), f"The body is no JSON: {error}.")
    inquiry = Inquiry(wish.endpoint, wish.body, wish.model, holds=held.key if held is not None else None, bodies=True)
    try:
        said = await site.around.foresight.told(visit.person, inquiry)
    except GatewayError as error:
        if error.status >= 500:
            raise
        return Preview(line, client, (), error.message)
    refused = said["refused"]
    trouble = f"It would be refused: {refused['status']} {refused['code']}. {refused['message']}" if refused else ""
    return Preview(line, client, _ordered(said), trouble)


def _ordered(said: Mapping[str, Any]) -> tuple[Upstream, ...]:
    """Targets in the order in which they would be asked, then the others."""
    order = [f"{step['provider']}/{step['model']}" for step in said["steps"] if step["state"] != "passed_over"]
    found = {each.target: each for each in map(_upstream, said["targets"])}
    asked = [found[name] for name in dict.fromkeys(order) if name in found]
    return (*asked, *(each for each in found.values() if each not in asked))


def _upstream(target: Mapping[str, Any]) -> Upstream:
    return Upstream(
        target=f"{target['provider']}/{target['model']}",
        asked_at=f"{target['format']} {target['path']}" if target["path"] else "nobody is asked",
        translated=target["translated"],
        body=None if target["body"] is None else in_json(target["body"]),
        dropped=tuple(target["dropped"]),
        emulated=tuple(target["emulated"]),
        quirks=tuple(target["quirks"]),
        urls=target["fetched_urls"],
        refused=target["refused"]["message"] if target["refused"] else "",
    )
