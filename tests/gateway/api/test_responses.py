"""What a client sees of responses that were kept, from the application that serves the models too."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from blacksheep import Application
from openai.types.responses import Response as SdkResponse

from gateway.api.models import ModelList
from gateway.api.public import Public
from gateway.api.responses import Headers, ResponsesApi, methods_of
from gateway.errors import UpstreamUnreachable
from gateway.observe.metrics import Metrics
from gateway.observe.tally import Readings
from gateway.records import ClientKey, StoredResponse
from gateway.store.responses import ResponseStore
from gateway.store.state import State, Where, state_file

from .application import KEY, Answer, KnownKeys, ask

OTHER = "sk-other"
CHATTING = "sk-chatting"
NOBODY = "sk-nobody"

RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "fast",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "error": None,
}


class Provider:
    """A provider that keeps its own responses."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, str | None]] = []
        self.answer: tuple[int, Headers, bytes] = (200, [(b"content-type", b"application/json")], b'{"it": "is"}')
        self.error: UpstreamUnreachable | None = None

    async def fetch(self, record: StoredResponse, key: ClientKey, method: str, path: str) -> tuple[int, Headers, bytes]:
        self.asked.append((record.provider, method, path, record.credential))
        if self.error is not None:
            raise self.error
        return self.answer


@dataclass(frozen=True)
class Served:
    """The application and what is behind it."""

    app: Application
    store: ResponseStore
    provider: Provider

    async def ask(self, method: str, target: str, *, key: str = KEY) -> Answer:
        return await ask(self.app, method, target, key=key)

    async def keep(self, **changes: Any) -> None:
        now = int(time.time())
        fields: dict[str, Any] = {
            "id": "resp_1",
            "key": "team",
            "created_at": now,
            "expires_at": now + 60,
            "previous_id": None,
            "provider": "mock",
            "credential": "first",
            "model": "fast",
            "status": "completed",
            "input": b'[{"role": "user", "content": "Hello"}]',
            "response": orjson.dumps(RESPONSE),
        }
        await self.store.keep(StoredResponse(**{**fields, **changes}))


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    keys = KnownKeys(
        (KEY, ClientKey("team", id="team")),
        (OTHER, ClientKey("team", id="other")),  # names may be used again
        (CHATTING, ClientKey("chatting", id="chatting", endpoints=("/v1/chat/*",))),
    )
    metrics = Metrics(tmp_path / "metrics", 0, started_at_us=1, endpoints=(), readings=Readings)
    nobody_asks = cast(ModelList, None)
    app = Public(nobody_asks, metrics, keys).application()
    store = ResponseStore(State(Where(state_file(tmp_path))), max_bytes=64 * 1024)
    provider = Provider()
    ResponsesApi(store, keys, provider.fetch).add_to(app)
    await app.start()  # type: ignore[no-untyped-call] # BlackSheep's own
    yield Served(app, store, provider)
    await app.stop()  # type: ignore[no-untyped-call] # BlackSheep's own
    await store.close()


async def test_a_response_is_shown_as_it_was_kept(served: Served) -> None:
    await served.keep()
    answer = await served.ask("GET", "/v1/responses/resp_1")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert SdkResponse.model_validate(answer.json()).output_text == "Hi"
    assert answer.body == orjson.dumps(RESPONSE)


@pytest.mark.parametrize("what", ["", "/input_items"])
async def test_a_deleted_one_is_gone(what: str, served: Served) -> None:
    await served.keep()
    answer = await served.ask("DELETE", "/v1/responses/resp_1")
    assert (answer.status, answer.json()) == (200, {"id": "resp_1", "object": "response", "deleted": True})
    assert (await served.ask("GET", f"/v1/responses/resp_1{what}")).status == 404
    assert (await served.ask("DELETE", "/v1/responses/resp_1")).status == 404


ASKED = [("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")]


@pytest.mark.parametrize(("method", "rest"), ASKED)
async def test_unknown_expired_and_foreign_ones_cannot_be_told_apart(method: str, rest: str, served: Served) -> None:
    await served.keep(id="resp_old", expires_at=1)
    await served.keep(id="resp_foreign", key="other")
    missing = await served.ask(method, f"/v1/responses/resp_none{rest}")
    for name in ("resp_none", "resp_old", "resp_foreign"):
        answer = await served.ask(method, f"/v1/responses/{name}{rest}")
        assert answer.status == 404
        assert answer.error["message"] == f"Response with id '{name}' not found."
        assert answer.error["type"] == "invalid_request_error"
        assert {**answer.error, "message": ""} == {**missing.error, "message": ""}
    assert (await served.ask("GET", "/v1/responses/resp_foreign", key=OTHER)).status == 200


@pytest.mark.parametrize(("method", "rest"), ASKED)
async def test_a_key_that_may_not_ask_for_responses_may_not_look_at_them(
    method: str, rest: str, served: Served
) -> None:
    await served.keep(key="chatting")
    answer = await served.ask(method, f"/v1/responses/resp_1{rest}", key=CHATTING)
    assert (answer.status, answer.error["code"]) == (403, "endpoint_not_allowed")


@pytest.mark.parametrize(("method", "rest"), ASKED)
@pytest.mark.parametrize("key", ["", NOBODY])
async def test_who_has_no_key_learns_nothing(key: str, method: str, rest: str, served: Served) -> None:
    await served.keep()
    answer = await served.ask(method, f"/v1/responses/resp_1{rest}", key=key)
    assert answer.status == 401
    assert "API key" in answer.error["message"]
    assert await served.store.find("resp_1", "team") is not None


async def test_a_stored_response_is_not_streamed(served: Served) -> None:
    await served.keep()
    answer = await served.ask("GET", "/v1/responses/resp_1?stream=true")
    assert (answer.status, answer.error["param"]) == (400, "stream")
    assert (await served.ask("GET", "/v1/responses/resp_1?stream=false")).status == 200


async def test_only_what_runs_in_the_background_can_be_cancelled(served: Served) -> None:
    await served.keep()
    answer = await served.ask("POST", "/v1/responses/resp_1/cancel")
    assert (answer.status, answer.error["message"]) == (400, "Cannot cancel a synchronous response.")
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("rest", ["", "/input_items"])
async def test_one_that_was_too_large_is_not_there_and_the_cause_is_named(rest: str, served: Served) -> None:
    await served.keep(response=orjson.dumps({"output": ["x" * 70_000]}))
    answer = await served.ask("GET", f"/v1/responses/resp_1{rest}")
    assert answer.status == 404
    assert "responses.max_bytes" in answer.error["message"]
    assert (await served.ask("DELETE", "/v1/responses/resp_1")).status == 200


async def test_input_items_are_listed_newest_first(served: Served) -> None:
    await served.keep(input=orjson.dumps([{"role": "user", "content": str(number)} for number in range(25)]))
    page = (await served.ask("GET", "/v1/responses/resp_1/input_items")).json()
    assert [item["content"][0]["text"] for item in page["data"]] == [str(number) for number in range(24, 4, -1)]
    assert (page["object"], page["has_more"]) == ("list", True)
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
    query = f"order=asc&limit=2&after={page['last_id']}"
    page = (await served.ask("GET", f"/v1/responses/resp_1/input_items?{query}")).json()
    assert [item["content"][0]["text"] for item in page["data"]] == ["6", "7"]


async def test_input_items_are_those_of_the_whole_conversation(served: Served) -> None:
    await served.keep()
    await served.keep(id="resp_2", previous_id="resp_1", input=b'[{"role": "user", "content": "Bye"}]')
    page = (await served.ask("GET", "/v1/responses/resp_2/input_items?order=asc")).json()
    assert [item["content"][0]["text"] for item in page["data"]] == ["Hello", "Hi", "Bye"]
    assert page["data"][1]["id"] == "msg_1"
    alone = (await served.ask("GET", "/v1/responses/resp_1/input_items?order=asc")).json()
    assert alone["data"] == page["data"][:1]


@pytest.mark.parametrize("rest", ["", "/input_items"])
async def test_what_nobody_knows_cannot_be_included(rest: str, served: Served) -> None:
    await served.keep()
    known = "include[]=reasoning.encrypted_content"
    assert (await served.ask("GET", f"/v1/responses/resp_1{rest}?{known}")).status == 200
    answer = await served.ask("GET", f"/v1/responses/resp_1{rest}?{known}&include[]=everything")
    assert (answer.status, answer.error["param"]) == (400, "include[1]")
    assert answer.error["message"].startswith("Invalid value: 'everything'. Supported values are: ")


async def test_a_question_that_makes_no_sense_is_refused(served: Served) -> None:
    await served.keep()
    answer = await served.ask("GET", "/v1/responses/resp_1/input_items?limit=0")
    assert (answer.status, answer.error["param"]) == (400, "limit")


async def test_a_state_that_cannot_be_used_is_503(served: Served) -> None:
    await served.store.close()
    answer = await served.ask("GET", "/v1/responses/resp_1")
    assert (answer.status, answer.error["message"]) == (503, "This process has closed its state.")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v1/responses/resp_1/cancel", 405),
        ("POST", "/v1/responses/resp_1", 405),
        ("DELETE", "/v1/responses/resp_1/input_items", 405),
        ("GET", "/v1/responses/resp_1/output_items", 404),
        ("GET", "/v1/responses/resp_1/input_items/more", 404),
        ("GET", "/v1/responses/", 404),
        ("GET", "/v1/responses/resp_1%2Finput_items", 200),
        ("GET", "/v1/responses/resp%5F1", 200),
        ("GET", "/v1/responses/..%2Fmodels", 404),
    ],
)
async def test_paths_are_read_as_the_server_decoded_them(method: str, target: str, status: int, served: Served) -> None:
    await served.keep()
    answer = await served.ask(method, target)
    assert answer.status == status
    assert status == 200 or answer.error["message"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/responses/resp_1", ("GET", "DELETE")),
        ("/v1/responses/resp_1/input_items", ("GET",)),
        ("/v1/responses/resp_1/cancel", ("POST",)),
        ("/v1/responses/resp_1/", ()),
        ("/v1/responses/resp_1/other", ()),
        ("/v1/responses/", ()),
        ("/v1/responses", ()),
        ("/v1/responses/a/b/cancel", ()),
        ("/v1/responses/a\n", ("GET", "DELETE")),
    ],
)
def test_what_a_path_takes_is_known_in_front(path: str, methods: tuple[str, ...]) -> None:
    assert methods_of(path) == methods


@pytest.mark.parametrize(("method", "rest"), ASKED)
async def test_the_provider_that_keeps_it_is_asked(method: str, rest: str, served: Served) -> None:
    await served.keep(id="resp a/b", native=True)
    await served.keep(native=True)
    answer = await served.ask(method, f"/v1/responses/resp_1{rest}?include=x&order=asc")
    assert (answer.status, answer.json()) == (200, {"it": "is"})
    assert served.provider.asked == [("mock", method, f"/responses/resp_1{rest}?include=x&order=asc", "first")]


async def test_its_answer_is_told_on_without_its_headers(served: Served) -> None:
    await served.keep(native=True)
    served.provider.answer = (
        429,
        [(b"content-type", b"text/plain"), (b"retry-after", b"3"), (b"set-cookie", b"a=b"), (b"content-length", b"99")],
        b"slowly",
    )
    answer = await served.ask("GET", "/v1/responses/resp_1")
    assert (answer.status, answer.body) == (429, b"slowly")
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("text/plain", "3")
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-length"] == "6"


async def test_its_answer_names_the_model_as_the_client_did(served: Served) -> None:
    await served.keep(native=True)
    served.provider.answer = (200, [], b'{"tools":[{"model":"gpt-image-1"}],"model":"gpt-5.5","output":[]}')
    answer = await served.ask("GET", "/v1/responses/resp_1")
    assert answer.json() == {"tools": [{"model": "gpt-image-1"}], "model": "fast", "output": []}


@pytest.mark.parametrize("status", [429, 503])
async def test_who_must_wait_hears_for_how_long(status: int, served: Served) -> None:
    await served.keep(native=True)
    served.provider.answer = (status, [], b'{"error": {}}')
    assert (await served.ask("GET", "/v1/responses/resp_1")).headers["retry-after"] == "1"


@pytest.mark.parametrize(("status", "is_gone"), [(200, True), (404, True), (401, False), (500, False)])
async def test_it_is_forgotten_here_once_the_provider_has_deleted_it(
    status: int, is_gone: bool, served: Served
) -> None:
    await served.keep(native=True)
    served.provider.answer = (status, [], b"{}")
    assert (await served.ask("DELETE", "/v1/responses/resp_1")).status == status
    assert (await served.store.find("resp_1", "team") is None) is is_gone


async def test_a_provider_that_cannot_be_reached_is_an_error_like_any_other(served: Served) -> None:
    await served.keep(native=True)
    served.provider.error = UpstreamUnreachable("The provider cannot be reached.")
    for method, rest in ASKED:
        answer = await served.ask(method, f"/v1/responses/resp_1{rest}")
        assert (answer.status, answer.error["message"]) == (502, "The provider cannot be reached.")
    assert await served.store.find("resp_1", "team") is not None
