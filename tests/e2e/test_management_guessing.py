"""Guessing over HTTP: neither answers nor their times tell who is there (T34), and guesses run out (T42)."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import httpx
import pytest

from tests.e2e.people import PASSWORD, WITH_PASSWORD, Identity, People, email, live
from tests.e2e.routes import FORM
from tests.providers import MockProcess

FROM_A_PROXY = """
[server]
trusted_proxies = ["127.0.0.1"]
"""

HOME, ATTACKER = "198.51.100.7", "203.0.113.9"

WRONG = "wrong horse battery"

RATIO = 1.05
TRIES = 3
"""A busy machine is uneven by itself now and then."""

LOGINS, KEYS, TOKENS = 28, 800, 200
"""Samples of each kind. Of logins not so many that everybody together would have to wait."""

ACCOUNTS = 8
"""Each is tried less often than it would have to wait."""

_addresses = count(1)


@pytest.fixture(scope="module")
def everybody(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with live(tmp_path_factory.mktemp("guessing"), mock.url, FROM_A_PROXY) as made:
        yield made
        assert made.gateway.close() == 0, made.gateway.tail()


def elsewhere() -> str:
    """An address, and a network, from which nobody has come before."""
    return f"2001:db8:{next(_addresses):x}::1"


def log_in(people: People, account: str, password: str, address: str) -> httpx.Response:
    """What the login form answers to somebody at this address."""
    body = urlencode({"email": account, "password": password}).encode()
    return people.ask("anonymous", "POST", "/login", body, {**FORM, "x-forwarded-for": address})


def add(people: People, name: str, **wish: object) -> str:
    """A user; their e-mail address."""
    wanted = {"email": email(name), "invite": False, **wish}
    return str(people.make("owner", "/api/users", wanted)["user"]["email"])


# Times and words


KNOWN: dict[str, Callable[[People, str], str]] = {
    "somebody": lambda people, name: add(people, name, password=PASSWORD),
    "without a password": add,
    "disabled": lambda people, name: disabled(people, add(people, name, password=PASSWORD)),
}


def disabled(people: People, account: str) -> str:
    """The account, of a user who is disabled by now."""
    (user,) = people.get("owner", f"/api/users?search={account}")["items"]
    assert people.change("owner", f"/api/users/{user['id']}", {"disabled": True}).status_code == 200
    return account


def compare(people: People, one: Callable[[int], None], other: Callable[[int], None], samples: int) -> float:
    """How much longer one takes than the other, by the medians of the quicker halves, asked in turns.

    What the gateway's processes have computed, since whatever else a machine does would be in the time that passes."""
    times: tuple[list[int], list[int]] = ([], [])
    pids = people.gateway.pids()
    for number in range(samples):
        for act, taken in zip((one, other), times, strict=True):
            begun = computed_ns(pids)
            act(number)
            taken.append(computed_ns(pids) - begun)
    quick = [median(sorted(taken)[: samples // 2]) for taken in times]
    return max(quick) / min(quick)


def computed_ns(pids: Sequence[int]) -> int:
    """For how many nanoseconds processes have had a core (https://docs.kernel.org/scheduler/sched-stats.html)."""
    threads = (thread for pid in pids for thread in Path(f"/proc/{pid}/task").iterdir())
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


def best(measure: Callable[[int], float]) -> float:
    """The first ratio that is good, or the last one."""
    ratio = 0.0
    for number in range(TRIES):
        ratio = measure(number)
        if ratio <= RATIO:
            break
    return ratio


@pytest.mark.parametrize("kind", KNOWN)
def test_a_login_takes_as_long_whether_there_is_such_a_user_or_not(everybody: People, kind: str) -> None:
    def fail(account: str) -> None:
        assert log_in(everybody, account, WRONG, elsewhere()).status_code == 403

    def measure(turn: int) -> float:
        name = f"{kind.replace(' ', '-')}-{turn}"
        there = [KNOWN[kind](everybody, f"{name}-{number}") for number in range(ACCOUNTS)]
        nobody = [email(f"{name}-{number}x") for number in range(ACCOUNTS)]
        return compare(everybody, lambda n: fail(there[n % ACCOUNTS]), lambda n: fail(nobody[n % ACCOUNTS]), LOGINS)

    assert best(measure) <= RATIO


def test_nor_do_words_tell(everybody: People) -> None:
    accounts = [make(everybody, f"told-{number}") for number, make in enumerate(KNOWN.values())]
    said = set()
    for account in (*accounts, email("told-nobody")):
        answer = log_in(everybody, account, WRONG, elsewhere())
        headers = {name: value for name, value in answer.headers.items() if name not in ("date", "set-cookie")}
        headers.pop("content-length", None)
        said.add((answer.status_code, str(sorted(headers)), answer.text.replace(account, "SOMEBODY")))
    shapes = {(status, headers) for status, headers, _ in said}
    assert len(shapes) == 1
    assert len({_without_tokens(text) for *_, text in said}) == 1


def _without_tokens(page: str) -> str:
    return "\n".join(line for line in page.splitlines() if 'name="csrf"' not in line)


def refused(connection: http.client.HTTPConnection, path: str, secrets: Sequence[str]) -> Callable[[int], None]:
    """Shows one of these with each request."""

    def act(number: int) -> None:
        connection.request("GET", path, headers={"authorization": f"Bearer {secrets[number % len(secrets)]}"})
        response = connection.getresponse()
        response.read()
        assert response.status == 401

    return act


@pytest.mark.parametrize(("who", "path", "samples"), [("key", "/v1/models", KEYS), ("token", "/api/audit", TOKENS)])
def test_a_secret_is_refused_as_quickly_however_much_of_it_is_right(
    everybody: People, who: str, path: str, samples: int
) -> None:
    secret = everybody.who[who].secret
    near = [secret[:-1] + ("A" if secret[-1] != "A" else "B"), secret[:20] + "x" * (len(secret) - 20)]
    far = [secret[:8] + letter * (len(secret) - 8) for letter in "yz"]
    with closing(http.client.HTTPConnection("127.0.0.1", everybody.gateway.port, timeout=10)) as connection:
        one, other = (refused(connection, path, secrets) for secrets in (near, far))
        assert best(lambda _: compare(everybody, one, other, samples)) <= RATIO


# Guesses


def guesses(people: People, account: str, addresses: Sequence[str], password: str = WRONG) -> list[httpx.Response]:
    """The answers to a guess from each of these, several at once."""
    with ThreadPoolExecutor(8) as hands:
        return list(hands.map(lambda address: log_in(people, account, password, address), addresses))


def looked_at(answers: Sequence[httpx.Response]) -> int:
    """How many guesses were looked at; the others were told to wait."""
    assert {answer.status_code for answer in answers} <= {403, 429}
    for answer in answers:
        assert ("retry-after" in answer.headers) == (answer.status_code == 429)
    return sum(answer.status_code == 403 for answer in answers)


def test_whoever_guesses_at_an_account_is_slowed_down(everybody: People) -> None:
    """From one address, from many at once, and with the right password too; the owner gets in all the while."""
    account = email("owner")
    assert log_in(everybody, account, PASSWORD, HOME).status_code == 303
    assert 5 <= looked_at(guesses(everybody, account, [ATTACKER] * 40)) <= 9
    assert log_in(everybody, account, PASSWORD, ATTACKER).status_code == 429, "a lucky guess is not even looked at"
    spread = looked_at(guesses(everybody, account, [elsewhere() for _ in range(60)]))
    assert spread <= 20, "all addresses together have no more than the account allows"
    assert log_in(everybody, account, PASSWORD, HOME).status_code == 303
    assert looked_at(guesses(everybody, account, [elsewhere() for _ in range(10)])) <= 2, "which opens no new guesses"
    failed = everybody.trail(action="login.failed", limit="200")
    mine = [entry for entry in failed if entry["target_name"] == account]
    assert {entry["address"] for entry in mine} >= {ATTACKER}
    assert not any(word in str(failed) + everybody.gateway.said() for word in (WRONG, PASSWORD))


def test_an_account_that_nobody_has_is_slowed_down_alike(everybody: People) -> None:
    nobody = email("nobody-at-all")
    assert 5 <= looked_at(guesses(everybody, nobody, [elsewhere()] * 40)) <= 9


def test_whoever_tries_many_accounts_is_slowed_down_too(everybody: People) -> None:
    with ThreadPoolExecutor(8) as hands:
        address = elsewhere()
        answers = list(hands.map(lambda n: log_in(everybody, email(f"many-{n}"), WRONG, address), range(70)))
    assert 50 <= looked_at(answers) <= 53


def test_nobody_guesses_a_password_with_a_session_they_found(everybody: People) -> None:
    wish = {"current": WRONG, "new": "quite another lantern"}
    said = [everybody.ask("member", "POST", "/api/me/password", wish).status_code for _ in range(9)]
    assert said == [403] * 5 + said[5:]
    assert said[-1] == 429
    assert "member" in WITH_PASSWORD
    assert everybody.ask("member", "GET", "/api/me").status_code == 200


def test_made_up_secrets_lead_nowhere_and_keep_nobody_out(everybody: People) -> None:
    made = [f"slg-api-{number:043}" for number in range(150)]
    everybody.who |= {secret: Identity("", {"authorization": f"Bearer {secret}"}) for secret in made}
    assert {everybody.ask(secret, "GET", "/api/audit").status_code for secret in made} <= {401, 429}
    assert everybody.ask("token", "GET", "/api/audit").status_code == 200
