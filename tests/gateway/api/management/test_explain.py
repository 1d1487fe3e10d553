"""Who may have a request explained, for whom, and what a question must say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from gateway.api.management.explain import Explain, explain
from gateway.api.management.operation import Asked
from gateway.errors import GatewayError, NotPermitted, Unacceptable, UnknownResource
from gateway.explaining.question import Question
from gateway.management import keys
from gateway.management.keys import KeyWish
from gateway.management.office import Actor, Office
from gateway.management.people import NewUser, create_user
from tests.gateway.management.offices import OPERATOR, office_in, somebody


class Around:
    """Keeps what would be explained."""

    def __init__(self) -> None:
        self.questions: list[Question] = []

    async def explain(self, question: Question) -> None:
        self.questions.append(question)


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made:
        made.around = Around()  # type: ignore[attr-defined]  # as the control process has it
        yield made


async def ask(office: Any, actor: Actor, **said: Any) -> Question:
    body = msgspec.json.decode(json.dumps({"body": {}, **said}), type=Explain)
    await explain(Asked(actor=actor, office=office, path={}, body=body, query=None, headers={}))
    question: Question = office.around.questions[-1]
    return question


@pytest.mark.parametrize(
    ("actor", "wanted", "refused"),
    [
        (OPERATOR, None, None),
        (OPERATOR, "theirs", None),
        (OPERATOR, "nobody-s", UnknownResource),
        (somebody("viewer", "v"), None, None),
        (somebody("viewer", "v"), "theirs", NotPermitted),
        (somebody("member", "m"), None, NotPermitted),
        (somebody("member", "m"), "theirs", UnknownResource),
    ],
)
async def test_whose_requests_are_explained_to_whom(
    office: Office, actor: Actor, wanted: str | None, refused: type[GatewayError] | None
) -> None:
    await keys.create_key(office, OPERATOR, KeyWish(name="theirs"))
    if refused is not None:
        with pytest.raises(refused):
            await ask(office, actor, key=wanted)
    else:
        key = (await ask(office, actor, key=wanted)).key
        assert (None if key is None else key.name) == wanted


async def test_a_member_has_requests_with_their_own_key_explained(office: Office) -> None:
    user = (await create_user(office, OPERATOR, NewUser(email="member@example.com", role="member"))).user
    member = somebody("member", user.id)
    await keys.create_key(office, member, KeyWish(name="mine"))
    key = (await ask(office, member, key="mine")).key
    assert key is not None
    assert (key.name, key.user_id) == ("mine", user.id)


@pytest.mark.parametrize(
    ("said", "endpoint", "model"),
    [
        ({}, "/v1/chat/completions", ""),
        ({"endpoint": "/v1/messages"}, "/v1/messages", ""),
        ({"endpoint": "/v1beta/models/g/m:countTokens"}, "/v1beta/models/{model}:countTokens", "g/m"),
        (
            {"endpoint": "/v1beta/models/{model}:countTokens", "model": "g/m"},
            "/v1beta/models/{model}:countTokens",
            "g/m",
        ),
    ],
)
async def test_where_a_request_goes_is_said_as_clients_or_the_table_do(
    office: Office, said: Any, endpoint: str, model: str
) -> None:
    question = await ask(office, OPERATOR, **said)
    assert (question.endpoint.path, question.model) == (endpoint, model)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"endpoint": "/v1/nothing"}, "#/endpoint"),
        ({"endpoint": "/v1beta/models/{model}:countTokens"}, "#/model"),
    ],
)
async def test_a_place_that_is_none_is_refused(office: Office, said: Any, place: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        await ask(office, OPERATOR, **said)
    assert refused.value.param == place


async def test_the_body_keeps_its_bytes_and_headers_their_meaning(office: Office) -> None:
    body = b'{"body": [ 1,2 ], "headers": {"X-Session-Id": "one"}}'
    said = msgspec.json.decode(body, type=Explain)
    around: Any = office
    await explain(Asked(actor=OPERATOR, office=around, path={}, body=said, query=None, headers={}))
    question = around.around.questions[0]
    assert (question.body, question.headers) == (b"[ 1,2 ]", ((b"x-session-id", b"one"),))
