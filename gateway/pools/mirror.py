"""Rests that several machines share: what one has learnt of a credential, the others know within a second.

Knows the rests of this machine's board, what was heard of those of the others, and tells the one to the other, twice a
second. Does not know how machines reach each other: `Exchange` does. A credential is told from others of its name by a
fingerprint of its secret. Breakers of targets are not shared, for whether a target can be reached is for each machine
to say; nor are conversations: each machine has its own.
"""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from gateway.pools.board import Board, Which
from gateway.pools.fields import LABEL_BYTES, SEPARATOR, Kind
from gateway.records import Credential
from gateway.routing.standing import Standing
from gateway.routing.verdicts import Verdict
from gateway.settings.model import Settings

EVERY_SECONDS = 0.5

TOLERANCE_US = 1_500_000
"""Two ends of rests that are no farther apart are the same: between machines they travel as what is left."""

Exchange = Callable[[Sequence[str]], Awaitable[Sequence[bytes] | None]]
"""Tells what is to be told, and what everybody has told; None where nobody can be reached."""

FindCredential = Callable[[str, str], Credential | None]
"""By provider and name; the same object each time, as long as it is the same credential."""


def credentials_of(settings: Settings) -> dict[tuple[str, str], Credential]:
    """Those of the settings, by provider and name; as much of them as the board tells them apart by."""
    return {
        (provider.id, each.name): Credential(provider.id, each.name, each.api_key)
        for provider in settings.providers
        for each in provider.credentials
    }


class _Place(NamedTuple):
    """What rests: a credential, or a model with it."""

    provider: str
    credential: str
    model: str
    """Empty where the whole credential rests."""

    def write(self, secret: str) -> str:
        """As it is told: one word, in which the secret is a fingerprint."""
        mark = blake2b(secret.encode(), digest_size=8, person=b"rests").hexdigest()
        return urlsafe_b64encode(SEPARATOR.join((*self, mark)).encode()).decode()


class _Heard(NamedTuple):
    """A rest of somebody."""

    word: str
    left_us: int
    """0 where it was ended before its time."""
    hard: bool
    reason: str


class Mirror:
    """The rests of one machine, as the others are told of them. For the thread that the board is for."""

    def __init__(
        self,
        board: Board,
        find: FindCredential,
        exchange: Exchange,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._board, self._find, self._exchange, self._clock = board, find, exchange, clock
        self._known: dict[str, int] = {}
        """Ends of rests that the others know of as well."""
        self._has_asked = False

    async def run(self) -> None:
        """Do it for ever."""
        while True:
            await self.round()
            await asyncio.sleep(EVERY_SECONDS)

    async def round(self) -> None:
        """Tell and hear once."""
        now_us = self._clock()
        resting = dict(self._resting(now_us))
        # A process that has just begun does not know what is old: what was ended meanwhile is not to begin again.
        said = self._news(resting, now_us) if self._has_asked else {}
        answer = await self._exchange([f"{word} {told}" for word, told in said.items()])
        if answer is None:
            return
        heard = [each for row in answer if (each := _read(row)) is not None]
        if not self._has_asked:
            self._known = {each.word: resting[each.word].until_us for each in heard if each.word in resting}
            self._has_asked = True
        self._note_told(said, resting)
        self._follow(heard)

    def _resting(self, now_us: int) -> Iterator[tuple[str, Standing]]:
        for rest in self._board.rests(now_us):
            credential = self._find(rest.provider, rest.credential)
            place = _Place(rest.provider, rest.credential, rest.model)
            if rest.kind is Kind.TARGET or credential is None or not _is_whole(place):
                continue
            # It may be the rest of a secret that the credential had before.
            if self._board.standing(credential, place.model, now_us).until_us:
                yield place.write(credential.secret), rest.standing

    def _news(self, resting: dict[str, Standing], now_us: int) -> dict[str, str]:
        """What the others do not know yet."""
        said = {
            word: f"{(standing.until_us - now_us) // 1000} {int(standing.hard)}{standing.reason.replace(' ', '_')}"
            for word, standing in resting.items()
            if standing.until_us > self._known.get(word, 0) + TOLERANCE_US
        }
        ended = (word for word, until_us in self._known.items() if until_us > now_us + TOLERANCE_US)
        gone = (word for word in ended if word not in resting)
        # One that is no longer used here has not ended for those who do use it.
        return said | {word: "0 -" for word in gone if self._place_of(word)[1] is not None}

    def _note_told(self, said: dict[str, str], resting: dict[str, Standing]) -> None:
        for word in said:
            if word in resting:
                self._known[word] = resting[word].until_us
            else:
                del self._known[word]

    def _follow(self, heard: Sequence[_Heard]) -> None:
        now_us = self._clock()
        self._known = {word: until_us for word, until_us in self._known.items() if until_us > now_us}
        for each in heard:
            if not each.left_us and each.word in self._known:
                self._end(each, now_us)
        for each in heard:
            if each.left_us and now_us + each.left_us > self._known.get(each.word, 0) + TOLERANCE_US:
                self._begin(each, now_us)

    def _begin(self, heard: _Heard, now_us: int) -> None:
        place, credential = self._place_of(heard.word)
        if credential is not None:
            verdict = Verdict("next_credential", None, heard.hard, heard.left_us / 1e6, heard.reason)
            rests_us = self._board.rest(credential, place.model or None, verdict, now_us)
            self._known[heard.word] = now_us + rests_us

    def _end(self, heard: _Heard, now_us: int) -> None:
        place, credential = self._place_of(heard.word)
        del self._known[heard.word]
        if credential is None:
            return
        self._board.end_rests(Which(place.provider, place.credential, place.model or None), now_us)
        if not place.model:
            # That ended those of its models as well. The ones that nobody has said to have ended begin again.
            for word in [each for each in self._known if _read_word(each)[:2] == place[:2]]:
                del self._known[word]

    def _place_of(self, word: str) -> tuple[_Place, Credential | None]:
        place = _read_word(word)
        credential = self._find(place.provider, place.credential)
        is_same = credential is not None and place.write(credential.secret) == word
        return place, credential if is_same else None


def _is_whole(place: _Place) -> bool:
    """Whether the board has the names as they are, and not their beginning."""
    return len(SEPARATOR.join(place).encode()) < LABEL_BYTES - 1


def _read(row: bytes) -> _Heard | None:
    """What was told; None where it is not in our words: another version of us may have others."""
    try:
        word, milliseconds, rest = row.decode().split(" ")
        _read_word(word)
        return _Heard(word, int(milliseconds) * 1000, rest[:1] == "1", rest[1:])
    except ValueError:
        return None


def _read_word(word: str) -> _Place:
    provider, name, model, _ = urlsafe_b64decode(word).decode().split(SEPARATOR)
    return _Place(provider, name, model)
