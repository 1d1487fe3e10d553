"""How often somebody may guess a password. Time and what is kept are handed in; nothing is ever locked for good.

A login is counted for several subjects, each with limits of its own, and must wait while any of them says so:

- the account from this address: five failures are free, then each next guess waits, 1 s doubling up to 15 minutes;
- the account from anywhere: 20 are free, then one a minute, which makes 80 in the first hour and 60 in each later one;
- the address (of IPv6 its /64, which is what one customer has), whatever accounts it tries;
- everybody together, so that many addresses trying many accounts do not keep the machine busy with hashing.

An address that somebody has logged in from before (`known`) is counted by itself only: whoever besieges an account from
elsewhere does not keep its owner out. From a new address the owner competes with the siege, and waits a minute once it
is over; a one-time link and a login at an OpenID provider are not counted. Together an account takes 100 guesses an
hour at most: the 80, and 18 from one known address (OWASP ASVS 5.0 asks for such limits in 6.3.1, and in 6.1.1 that
they be written down).

A login is counted as failed *before* its password is checked, in the transaction that read what is kept, and taken back
if it was right: or a thousand at once would all be told to go ahead. Taking back forgets the failures of this account
from this address; of the others only the one that was none, so that an owner's login does not open an hour's new
guesses to an attacker, nor an attacker's login to an account of their own.

What is kept decays: each subject forgives one failure after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network

from gateway.errors import TooManyAttempts

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
LONGEST_EMAIL = 254
"""RFC 5321, 4.5.3.1.3, less the two angle brackets."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How one subject is slowed down."""

    free: int
    """Failures that cost nothing."""
    first_us: int
    """Wait after the next one; it doubles with each."""
    longest_us: int
    forgive_us: int
    """Time after which one failure is forgiven."""

    @property
    def most(self) -> int:
        """Failures that are counted; with more nothing would get any longer."""
        return self.free + (-(-self.longest_us // self.first_us) - 1).bit_length()


BY_ACCOUNT_AND_ADDRESS = Limits(5, SECOND_US, 15 * MINUTE_US, 60 * MINUTE_US)
BY_ACCOUNT = Limits(20, MINUTE_US, MINUTE_US, MINUTE_US)
BY_ADDRESS = Limits(50, 30 * SECOND_US, 30 * SECOND_US, 30 * SECOND_US)
BY_EVERYBODY = Limits(1000, 2 * SECOND_US, 2 * SECOND_US, 2 * SECOND_US)
BY_DEPARTURE = Limits(200, 3 * SECOND_US, 3 * SECOND_US, 3 * SECOND_US)
"""Logins begun at a provider and not finished: some 400 in the ten minutes for which one is kept."""

FORGOTTEN_AFTER_US = max(
    limits.most * limits.forgive_us
    for limits in (BY_ACCOUNT_AND_ADDRESS, BY_ACCOUNT, BY_ADDRESS, BY_EVERYBODY, BY_DEPARTURE)
)
"""Time after which no record says anything any more, whoever its subject is."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose failures are counted, as the store names it."""

    name: str
    limits: Limits
    forgets: bool = False
    """Whether a right password makes it forget all failures."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a subject."""

    failures: int
    last_at_us: int


NOTHING = Record(0, 0)


def subjects(account: str, address: str, *, known: bool = False) -> tuple[Subject, ...]:
    """Those for whom a login is counted. `account` is the e-mail address as it was typed, whether there is such a user
    or not; `known` says that this user has logged in from this address before."""
    name, network = account_name(account), _network(address)
    pair = Subject(f"account_and_address:{name} {network}", BY_ACCOUNT_AND_ADDRESS, forgets=True)
    if known:
        return (pair,)
    return (
        pair,
        Subject(f"account:{name}", BY_ACCOUNT),
        Subject(f"address:{network}", BY_ADDRESS),
        Subject("everybody", BY_EVERYBODY),
    )


def token_subjects(address: str) -> tuple[Subject, ...]:
    """Those for whom a wrong API token, session or link is counted. Nobody guesses one; this keeps the noise down.
    A right one is never made to wait, since it costs one look to tell."""
    return (Subject(f"token:{_network(address)}", BY_ADDRESS),)


def key_subjects(address: str) -> tuple[Subject, ...]:
    """Those for whom a client key is counted that somebody shows to a page. One of the configuration file may be as
    short as its operator likes."""
    return (Subject(f"key:{_network(address)}", BY_ADDRESS),)


def departure_subjects(address: str) -> tuple[Subject, ...]:
    """Those for whom a login begun at a provider is counted until it is finished: only so many are kept of everybody's,
    and nobody shall be able to take all the room."""
    return (Subject(f"departure:{_network(address)}", BY_DEPARTURE),)


def failures_now(record: Record, limits: Limits, now_us: int) -> int:
    """Failures that are not forgiven yet."""
    return max(0, record.failures - max(0, now_us - record.last_at_us) // limits.forgive_us)


def wait_us(record: Record, limits: Limits, now_us: int) -> int:
    """How long this subject must wait before the next guess; 0 to go ahead."""
    beyond = failures_now(record, limits, now_us) - limits.free
    if beyond < 0:
        return 0
    delay = min(limits.first_us << beyond, limits.longest_us)
    # A clock that was set back must not make anybody wait longer than the longest wait.
    return min(max(0, record.last_at_us + delay - now_us), limits.longest_us)


def after_failure(record: Record, limits: Limits, now_us: int) -> Record:
    """What is kept after one more failure."""
    return Record(min(failures_now(record, limits, now_us) + 1, limits.most), now_us)


def after_success(record: Record, subject: Subject, now_us: int) -> Record:
    """What is kept once the attempt counted last turned out right; with no failures the row can go."""
    if subject.forgets:
        return Record(0, now_us)
    return Record(max(0, record.failures - 1), record.last_at_us)


def is_forgotten(record: Record, limits: Limits, now_us: int) -> bool:
    """Whether a record says nothing any more."""
    return failures_now(record, limits, now_us) == 0


def check(who: Sequence[Subject], records: Mapping[str, Record], now_us: int) -> None:
    """Raise TooManyAttempts while any of them must wait; a refused attempt is not counted."""
    wait = max((wait_us(records.get(each.name, NOTHING), each.limits, now_us) for each in who), default=0)
    if wait:
        seconds = -(-wait // SECOND_US)
        again = f"{seconds} seconds" if seconds < 100 else f"{-(-seconds // 60)} minutes"
        raise TooManyAttempts(f"Too many failed attempts. Try again in {again}.", retry_after=float(seconds))


def count(who: Sequence[Subject], records: Mapping[str, Record], now_us: int) -> dict[str, Record]:
    """What to keep of each once an attempt is let through, and before it is known how it ends."""
    return {each.name: after_failure(records.get(each.name, NOTHING), each.limits, now_us) for each in who}


def take_back(who: Sequence[Subject], records: Mapping[str, Record], now_us: int) -> dict[str, Record]:
    """What to keep of each once the attempt turned out right; `records` are as they are now."""
    return {each.name: after_success(records.get(each.name, NOTHING), each, now_us) for each in who}


def account_name(account: str) -> str:
    """How an account is named among the subjects: the e-mail address, or a digest of what cannot be one.

    People type their password into the wrong field, and attackers a megabyte.
    """
    text = account.strip().casefold()
    if "@" in text and len(text) <= LONGEST_EMAIL and text.isprintable() and " " not in text:
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _network(address: str) -> str:
    """Who is behind an address: it alone, or the /64 of IPv6; anything else as it is, cut short."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed.packed, 64), strict=False))
