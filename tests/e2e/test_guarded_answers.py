"""Every answer that a browser may see carries what keeps it out of trouble (T40): each path and method that we know."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from gateway.api.front import OWN_PATHS
from gateway.api.management import OPERATIONS
from gateway.browsers import GUARDS
from tests.e2e.wire import Answer, ask, request
from tests.gateway_process import GatewayProcess, configuration, running
from tests.providers import MockProcess
from tests.waiting import until
from web import assets
from web.pages import PAGES

FROM_A_PROXY = """
[server]
trusted_proxies = ["127.0.0.1"]
"""

ANYWHERE = (
    "/nothing",
    "/api/nothing",
    "/api",
    "/v1/nothing",
    "/v1beta/nothing",
    "/static/nothing.css",
    "/v1/responses/x",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW")

ASKED = sorted(
    {
        *((operation.method, re.sub(r"\{\w+\}", "x", operation.path)) for operation in OPERATIONS),
        *((method, path) for path in (*OWN_PATHS, *ANYWHERE, *(page.path for page in PAGES)) for method in METHODS),
        *(("GET", url) for url in assets.by_url()),
    }
)


@pytest.fixture(scope="module")
def behind_tls(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that believes that it is asked over TLS."""
    with running(tmp_path_factory.mktemp("behind-tls"), configuration(mock.url, FROM_A_PROXY)) as gateway:
        yield gateway.complete()


async def look(gateway: GatewayProcess, method: str, path: str, *, key: str | None = None) -> Answer:
    """The answer to a request that came over TLS, as its proxy says."""
    data = request(method, path, key=key, x_forwarded_proto="https")
    return await ask(gateway.port, data, method=method)


def check_guarded(answer: Answer) -> None:
    for name, value in GUARDS:
        assert answer.header(name.decode()) == value.decode(), (name, answer)
    assert answer.header("strict-transport-security") == "max-age=31536000"
    kept = answer.header("cache-control")
    assert kept is not None
    assert "no-store" in kept or "immutable" in kept
    assert answer.header("server") in (None, "granian")


@pytest.mark.parametrize(("method", "path"), ASKED)
async def test_every_answer_is_guarded(behind_tls: GatewayProcess, method: str, path: str) -> None:
    check_guarded(await look(behind_tls, method, path))


@pytest.mark.parametrize("path", ["/v1/models", "/api/usage"])
async def test_so_are_answers_with_something_in_them(behind_tls: GatewayProcess, path: str) -> None:
    answer = await look(behind_tls, "GET", path, key=behind_tls.key)
    assert answer.status == 200, answer
    check_guarded(answer)


async def test_so_is_a_refusal_of_the_request_itself(behind_tls: GatewayProcess) -> None:
    data = request("GET", "/", x_forwarded_proto="https").replace(b"host: gateway.test", b"host: a, b")
    answer = await ask(behind_tls.port, data)
    assert answer.status == 400
    check_guarded(answer)


async def test_so_is_the_notice_that_the_dashboard_is_away(behind_tls: GatewayProcess) -> None:
    pid = behind_tls.control()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: behind_tls.control() != pid)
    answer = await look(behind_tls, "GET", "/")
    assert answer.status == 503
    check_guarded(answer)
