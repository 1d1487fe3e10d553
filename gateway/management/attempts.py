"""Failed logins as they are kept: read, counted, taken back, written into the audit log.

Knows the table. How many failures make how long a wait is `gateway.access.attempts`' to know. What is kept of them
cannot fill a disk: whoever must wait leaves nothing behind, and with many failures everybody must.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.access import attempts
from gateway.access.attempts import Record, Subject
from gateway.management import office as offices
from gateway.management.office import Actor, Change
from gateway.store.session import Session

DAY_US = 24 * 3_600_000_000

FORGIVEN_US = 2 * DAY_US
"""After so long every failure of every subject is forgiven, and its row can go."""

MOST_LOGINS = 50
"""How many logins of a user tell from where they usually come."""


def let_through(change: Change, who: tuple[Subject, ...]) -> None:
    """Count an attempt as failed before it is known how it ends. Raises TooManyAttempts, and then counts nothing."""
    records = _records(change.session, who)
    attempts.check(who, records, change.now_us)
    _keep(change.session, attempts.count(who, records, change.now_us))


def take_back(change: Change, who: tuple[Subject, ...]) -> None:
    """The attempt let through before has turned out right."""
    records = _records(change.session, who)
    _keep(change.session, attempts.take_back(who, records, change.now_us))


def login_subjects(session: Session, user_id: str | None, account: str, address: str) -> tuple[Subject, ...]:
    """Those for whom a login is counted. A user who is not there is looked for just the same."""
    rows = session.rows("attempts/addresses", {"user_id": user_id or "", "limit": MOST_LOGINS})
    pair = attempts.subjects(account, address)[0]
    # By what they are counted as: of an IPv6 address only the network stays the same.
    known = any(attempts.subjects(account, each)[0] == pair for each in {row["address"] for row in rows})
    return attempts.subjects(account, address, known=known)


def note_failure(change: Change, account: str, method: str) -> None:
    """Write down that a login as somebody failed."""
    name = attempts.account_name(account)
    change.note("login.failed", offices.Subject("user", None, name), after={"method": method})


def somebody(account: str, address: str) -> Actor:
    """Whoever tries to log in, as the audit log calls them."""
    return Actor(kind="anybody", name=attempts.account_name(account), address=address)


def forget_old(session: Session, now_us: int) -> None:
    """Forget the failures that no longer count."""
    session.run("attempts/forget_old", {"before_us": now_us - FORGIVEN_US})


def _records(session: Session, who: Iterable[Subject]) -> dict[str, Record]:
    kept = {each.name: session.row("attempts/kept", {"subject": each.name}) for each in who}
    return {name: Record(row["failures"], row["last_at"]) for name, row in kept.items() if row}


def _keep(session: Session, records: Mapping[str, Record]) -> None:
    for name, record in records.items():
        if record.failures:
            parameters = {"subject": name, "failures": record.failures, "last_at": record.last_at_us}
            session.run("attempts/keep", parameters)
        else:
            session.run("attempts/forget", {"subject": name})
