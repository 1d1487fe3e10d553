"""URLs in prompts for a provider that takes none: fetched by a running gateway, within what its operator allows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.pairs import MODELS, SECRET, TOML
from tests.e2e.speakers import PIXEL
from tests.e2e.wire import Answer, ask, dialled, request
from tests.gateway_process import GatewayProcess, running
from tests.providers import MockProcess
from tests.waiting import auntil, until

ALLOWED, PRIVATE = "127.0.0.2", "127.0.0.1"

MEDIA = f"""
[media]
allow = ["{ALLOWED}"]
"""

TARGET = f"gemini/{MODELS['gemini']};echo"

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}


class Pictures(ThreadingHTTPServer):
    """A server of one picture, and of silence; both addresses lead to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("0.0.0.0", 0), Picture)
        self.paths: list[str] = []
        self.left = threading.Event()
        """Somebody who waited for silence to end has left."""

    def url(self, path: str, host: str = ALLOWED) -> str:
        return f"http://{host}:{self.server_address[1]}{path}"


class Picture(BaseHTTPRequestHandler):
    """One request for it."""

    server: Pictures

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.path == "/silence":
            self.rfile.read()
            self.server.left.set()
        elif self.path == "/inside":
            self.send_response(302)
            self.send_header("location", self.server.url("/pixel", PRIVATE))
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.send_header("content-length", str(len(PIXEL)))
            self.end_headers()
            self.wfile.write(PIXEL)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 # as its parent calls it
        """Keep quiet."""


@pytest.fixture(scope="module")
def pictures() -> Iterator[Pictures]:
    with Pictures() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def fetching(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that may fetch from one private address."""
    toml = TOML.format(mock=mock.url, secret=SECRET) + MEDIA
    with running(tmp_path_factory.mktemp("fetching"), toml) as gateway:
        yield gateway.complete()
        assert gateway.close() == 0, gateway.tail()


def asking(dialect: str, url: str, model: str = TARGET) -> bytes:
    """A request that names an image by its URL."""
    words = "What is this?"
    bodies: dict[str, dict[str, Any]] = {
        "chat": {
            "messages": said([{"type": "text", "text": words}, {"type": "image_url", "image_url": {"url": url}}]),
        },
        "responses": {
            "input": said([{"type": "input_text", "text": words}, {"type": "input_image", "image_url": url}]),
        },
        "messages": {
            "max_tokens": 100,
            "messages": said(
                [{"type": "text", "text": words}, {"type": "image", "source": {"type": "url", "url": url}}]
            ),
        },
    }
    return request("POST", PATHS[dialect], json.dumps({"model": model, **bodies[dialect]}).encode())


def said(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": parts}]


def seen(dialect: str, answer: Answer) -> dict[str, Any]:
    """What the provider says it received."""
    fields = answer.json()
    texts = {
        "chat": lambda: fields["choices"][0]["message"]["content"],
        "responses": lambda: fields["output"][-1]["content"][0]["text"],
        "messages": lambda: fields["content"][0]["text"],
    }
    found: dict[str, Any] = json.loads(texts[dialect]())
    return found


def message(dialect: str, answer: Answer) -> str:
    """The words of an error in the client's dialect."""
    fields = answer.json()
    assert (fields["type"] == "error") if dialect == "messages" else (fields["error"]["code"] == "media_unavailable")
    assert fields["error"]["type"] == "invalid_request_error"
    words: str = fields["error"]["message"]
    return words


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_provider_that_takes_no_urls_is_given_the_content(
    fetching: GatewayProcess, pictures: Pictures, dialect: str
) -> None:
    answer = await ask(fetching.port, asking(dialect, pictures.url(f"/{dialect}.png")))
    assert answer.status == 200, answer.body
    assert seen(dialect, answer)["images"] == 1
    assert f"/{dialect}.png" in pictures.paths


async def test_a_picture_that_is_sent_again_is_fetched_once(fetching: GatewayProcess, pictures: Pictures) -> None:
    for _ in range(3):
        answer = await ask(fetching.port, asking("chat", pictures.url("/again.png")))
        assert seen("chat", answer)["images"] == 1
    assert pictures.paths.count("/again.png") == 1


async def test_a_provider_that_takes_urls_is_given_the_url(fetching: GatewayProcess, pictures: Pictures) -> None:
    model = f"messages/{MODELS['messages']};echo"
    answer = await ask(fetching.port, asking("chat", pictures.url("/unfetched.png"), model))
    assert seen("chat", answer)["images"] == 1
    assert "/unfetched.png" not in pictures.paths


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_private_address_is_refused_in_the_dialect_of_the_client(
    fetching: GatewayProcess, pictures: Pictures, dialect: str
) -> None:
    answer = await ask(fetching.port, asking(dialect, pictures.url("/private.png?signature=abc", PRIVATE)))
    assert answer.status == 400, answer.body
    url = pictures.url("/private.png", PRIVATE)
    why = f"the address of {PRIVATE} is not one that may be fetched from"
    assert message(dialect, answer) == f"Cannot fetch {url}: {why}."
    assert not any(path.startswith("/private.png") for path in pictures.paths)


async def test_a_redirect_to_a_private_address_is_refused(fetching: GatewayProcess, pictures: Pictures) -> None:
    answer = await ask(fetching.port, asking("chat", pictures.url("/inside")))
    assert answer.status == 400, answer.body
    assert f"the address of {PRIVATE} is not one" in message("chat", answer)


async def test_a_client_that_leaves_ends_the_fetching(fetching: GatewayProcess, pictures: Pictures) -> None:
    async with dialled(fetching.port) as wire:
        wire.send(asking("chat", pictures.url("/silence")))
        await auntil(lambda: "/silence" in pictures.paths)
        wire.abort()
    await auntil(pictures.left.is_set)
    assert until(lambda: not fetching.total("sluicegate_requests_in_flight")) is True
