"""One dead account of four, whatever it died of: nobody loses a request for it, and it is soon left alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.e2e.accounts import SILENT, Accounts, Mood, accounts, refusing
from tests.e2e.pooled import attempts, many, pool, pooled, statuses
from tests.gateway_process import GatewayProcess

AT_ONCE = 200

SETTINGS = """
[rests]
breaker_failures = 5

[retries]
pause_seconds = 0.05
longest_wait_seconds = 0.0

[upstream]
first_byte_timeout_seconds = 2.5
"""

DEAD: dict[str, Mood] = {
    "revoked": refusing(401, "invalid_api_key"),
    "barred": refusing(403, "permission_denied"),
    "unpaid": refusing(402, "insufficient_quota", "You exceeded your current quota."),
    "failing": refusing(500, "server_error"),
    "closing": Mood(closes=True),
    "hanging": SILENT,
}
"""What one account of four suffers from, by the name of its pool."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Accounts]:
    with accounts() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    tables = [pool(name, provider.url, 4) for name in DEAD]
    with socket.socket() as taken:  # a port at which nobody listens, for as long as this is open
        taken.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{taken.getsockname()[1]}"
        tables.append(pool("refused", provider.url, 4, proxy=["none", proxy, "none", "none"]))
        with pooled(tmp_path_factory.mktemp("losses"), *tables, settings=SETTINGS) as made:
            yield made


@pytest.mark.parametrize("kind", DEAD)
async def test_a_dead_account_loses_nobody_a_request(gateway: GatewayProcess, provider: Accounts, kind: str) -> None:
    dead = f"{kind}-2"
    provider[dead] = DEAD[kind]
    assert statuses(await many(gateway, AT_ONCE, f"{kind}/m", at_once=AT_ONCE)) == {200: AT_ONCE}
    met = len(provider.of(dead))
    assert 1 <= met <= AT_ONCE // 4, "at most those that were under way before anybody knew"
    assert statuses(await many(gateway, 60, f"{kind}/m", at_once=10)) == {200: 60}
    assert len(provider.of(dead)) - met <= 10, "what rests is left alone, but for a try when a rest is over"


async def test_an_account_whose_proxy_refuses_loses_nobody_a_request(
    gateway: GatewayProcess, provider: Accounts
) -> None:
    assert statuses(await many(gateway, AT_ONCE, "refused/m", at_once=AT_ONCE)) == {200: AT_ONCE}
    assert provider.of("refused-2") == []
    rows = gateway.records("refused/m", AT_ONCE)
    failed = [each for row in rows for each in attempts(row) if each[1] is not None]
    assert 1 <= len(failed) <= AT_ONCE // 4
    assert set(failed) == {("refused-2", "upstream_unreachable", "next_target", "unreachable")}
