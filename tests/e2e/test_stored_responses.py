"""Responses that are kept for the official OpenAI client, whoever made them: continued, shown, listed, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from tests.e2e.keeping import (
    FOREIGN,
    OTHER_KEY,
    WEATHER,
    call_of,
    heard,
    is_stored,
    keeping,
    model_of,
    result,
    say,
    sdk,
    texts,
)
from tests.e2e.pairs import MODELS
from tests.gateway_process import GatewayProcess
from tests.providers import MockProcess

every_provider = pytest.mark.parametrize("provider", MODELS)
foreign_providers = pytest.mark.parametrize("provider", FOREIGN)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def keeper(mock: MockProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with keeping(tmp_path_factory.mktemp("keeping"), mock.url) as gateway:
        yield gateway
        assert gateway.close() == 0, gateway.tail()


@pytest.fixture
def client(keeper: GatewayProcess) -> Iterator[openai.OpenAI]:
    with sdk(keeper) as made:
        yield made


@pytest.fixture
def other(keeper: GatewayProcess) -> Iterator[openai.OpenAI]:
    with sdk(keeper, OTHER_KEY) as made:
        yield made


# Going on


@foreign_providers
@both_ways
def test_what_is_nested_too_deeply_to_be_kept_is_answered_all_the_same(
    client: openai.OpenAI, provider: str, stream: bool
) -> None:
    deep: Any = 1
    for _ in range(300):  # more than can be written, less than can be read
        deep = [deep]
    item: Any = {"type": "message", "role": "user", "content": "one", "of_no_meaning": deep}
    first = say(client, model_of(provider, ";text=first"), [item], stream=stream)
    assert texts(first.output) == ["first"]
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


@every_provider
@both_ways
def test_a_conversation_goes_on_by_the_id_of_its_last_response(
    client: openai.OpenAI, provider: str, stream: bool
) -> None:
    first = say(client, model_of(provider, ";text=first"), "one", stream=stream, instructions="Be brief.")
    second = say(client, model_of(provider, ";echo"), "two", stream=stream, previous_response_id=first.id)
    third = say(client, model_of(provider, ";echo"), "three", stream=stream, previous_response_id=second.id)
    assert (heard(second)["turns"], heard(second)["last"]) == (3, "two")
    assert (heard(third)["turns"], heard(third)["last"]) == (5, "three")
    assert heard(second)["system"] == "", "instructions are those of one request"
    assert len({first.id, second.id, third.id}) == 3


@every_provider
@both_ways
def test_what_continues_a_response_says_so_and_that_it_is_kept(
    client: openai.OpenAI, provider: str, stream: bool
) -> None:
    first = say(client, model_of(provider), "one", stream=stream)
    second = say(client, model_of(provider), "two", stream=stream, previous_response_id=first.id)
    assert (first.previous_response_id, second.previous_response_id) == (None, first.id)
    assert (is_stored(first), is_stored(second)) == (True, True)
    assert client.responses.retrieve(second.id).previous_response_id == first.id


@every_provider
@both_ways
def test_a_conversation_may_branch(client: openai.OpenAI, provider: str, stream: bool) -> None:
    root = say(client, model_of(provider), "root", stream=stream)
    for branch in ("left", "right"):
        said = say(client, model_of(provider, ";echo"), branch, stream=stream, previous_response_id=root.id)
        assert (heard(said)["turns"], heard(said)["last"]) == (3, branch)


@every_provider
@both_ways
def test_a_tool_loop_sends_results_alone(client: openai.OpenAI, provider: str, stream: bool) -> None:
    model = model_of(provider, ";toolcall=1")
    more: dict[str, Any] = {"tools": [WEATHER], "stream": stream}
    asked = say(client, model, "the weather, please", **more)
    again = say(client, model, [result(call_of(asked), "rain")], previous_response_id=asked.id, **more)
    told = say(
        client, model_of(provider, ";echo"), [result(call_of(again), "sun")], previous_response_id=again.id, **more
    )
    assert heard(told)["results"] == ["rain", "sun"]
    assert heard(told)["last"] == "the weather, please"


@foreign_providers
@both_ways
def test_thoughts_go_back_to_whoever_thought_them(client: openai.OpenAI, provider: str, stream: bool) -> None:
    more: dict[str, Any] = {"tools": [WEATHER], "stream": stream, "reasoning": {"effort": "high", "summary": "auto"}}
    thought = say(client, model_of(provider, ";thinking;toolcall=1"), "think", **more)
    told = say(
        client,
        model_of(provider, ";text=done"),
        [result(call_of(thought), "x")],
        previous_response_id=thought.id,
        **more,
    )
    assert told.output_text.strip() == "done"


@foreign_providers
def test_another_provider_goes_on_with_what_was_kept(client: openai.OpenAI, provider: str) -> None:
    first = say(client, model_of(provider), "one")
    for following in MODELS:
        said = say(client, model_of(following, ";echo"), "two", previous_response_id=first.id)
        assert (heard(said)["turns"], heard(said)["last"]) == (3, "two")


@foreign_providers
@pytest.mark.parametrize("following", MODELS)
def test_thoughts_of_one_provider_do_not_trouble_another(client: openai.OpenAI, provider: str, following: str) -> None:
    more: dict[str, Any] = {"tools": [WEATHER], "reasoning": {"effort": "high", "summary": "auto"}}
    thought = say(client, model_of(provider, ";thinking;toolcall=1"), "think", **more)
    results = [result(call_of(thought), "rain")]
    told = say(client, model_of(following, ";echo"), results, previous_response_id=thought.id, **more)
    assert heard(told)["results"] == ["rain"]


@every_provider
@pytest.mark.parametrize("said", [7, [7], ["x"], {"role": "user", "content": "x"}, [{"type": "nonsense"}]])
def test_an_input_that_makes_no_sense_is_refused_in_a_conversation_too(
    client: openai.OpenAI, provider: str, said: Any
) -> None:
    first = say(client, model_of(provider), "one")
    with pytest.raises(openai.BadRequestError) as refused:
        say(client, model_of(provider), said, previous_response_id=first.id)
    assert (refused.value.param or "").startswith("input")


@foreign_providers
def test_a_response_can_be_continued_the_moment_its_last_event_is_there(client: openai.OpenAI, provider: str) -> None:
    for _ in range(5):
        with client.responses.create(model=model_of(provider, ";chunks=2"), input="one", stream=True) as events:
            ended = next(event for event in events if event.type == "response.completed")
            shown = client.responses.retrieve(ended.response.id)
        assert shown.output_text == ended.response.output_text
        assert shown.usage == ended.response.usage


def test_a_stream_that_broke_cannot_be_continued(client: openai.OpenAI) -> None:
    events = client.responses.create(model=model_of("chat", ";cut=2"), input="one", stream=True)
    response_id = next(iter(events)).response.id  # type: ignore[union-attr] # it begins with `response.created`
    with pytest.raises(openai.APIError):
        list(events)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response_id)


# Shown and deleted


@every_provider
@both_ways
def test_what_is_shown_is_what_was_answered(client: openai.OpenAI, provider: str, stream: bool) -> None:
    said = say(client, model_of(provider), "one", stream=stream, metadata={"who": "me"})
    shown = client.responses.retrieve(said.id)
    assert shown.to_dict() == said.to_dict()
    assert (shown.model, shown.status) == (model_of(provider), "completed")


@every_provider
@both_ways
def test_what_is_not_to_be_stored_is_not(client: openai.OpenAI, provider: str, stream: bool) -> None:
    said = say(client, model_of(provider), "one", stream=stream, store=False)
    assert not is_stored(said)
    for forbidden in (client.responses.retrieve, client.responses.input_items.list, client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            forbidden(said.id)
    with pytest.raises(openai.BadRequestError) as refused:
        say(client, model_of(provider), "two", previous_response_id=said.id)
    assert refused.value.param == "previous_response_id"


@every_provider
def test_what_was_deleted_is_gone_for_good(client: openai.OpenAI, provider: str) -> None:
    first = say(client, model_of(provider), "one")
    second = say(client, model_of(provider), "two", previous_response_id=first.id)
    client.responses.delete(first.id)
    for call in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError, match=f"Response with id '{first.id}' not found"):
            call(first.id)
    assert client.responses.retrieve(second.id).id == second.id


@every_provider
def test_only_what_runs_in_the_background_can_be_cancelled(client: openai.OpenAI, provider: str) -> None:
    said = say(client, model_of(provider), "one")
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(said.id)


@foreign_providers
def test_what_cannot_be_shown_as_asked_is_refused(client: openai.OpenAI, provider: str) -> None:
    said = say(client, model_of(provider), "one")
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.retrieve(said.id, stream=True)
    assert refused.value.param == "stream"
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.retrieve(said.id, include=["everything"])  # type: ignore[list-item]
    assert refused.value.param == "include[0]"
    assert client.responses.retrieve(said.id, include=["reasoning.encrypted_content"]).id == said.id


# Its items


@every_provider
def test_all_items_that_led_to_a_response_are_listed(client: openai.OpenAI, provider: str) -> None:
    tools: Any = [WEATHER]
    asked = say(client, model_of(provider, ";toolcall=1"), "weather?", tools=tools)
    told = say(client, model_of(provider, ";text=wet"), [result(call_of(asked), "rain")], previous_response_id=asked.id)
    last = say(client, model_of(provider), [{"role": "user", "content": "sure?"}], previous_response_id=told.id)
    rising = [item for item in client.responses.input_items.list(last.id, order="asc") if item.type != "reasoning"]
    assert [item.type for item in rising] == ["message", "function_call", "function_call_output", "message", "message"]
    assert texts(rising) == ["weather?", "weather", "rain", "wet", "sure?"]
    falling = [item for item in client.responses.input_items.list(last.id) if item.type != "reasoning"]
    assert [item.id for item in falling] == [item.id for item in reversed(rising)]


@every_provider
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_items_come_page_by_page_each_once(client: openai.OpenAI, provider: str, order: Any) -> None:
    said = say(client, model_of(provider), [{"role": "user", "content": str(number)} for number in range(7)])
    said = say(client, model_of(provider), "last", previous_response_id=said.id)
    whole = [item.id for item in client.responses.input_items.list(said.id, order=order, limit=100)]
    assert len(whole) == len(set(whole)) >= 9
    page = client.responses.input_items.list(said.id, order=order, limit=2)
    assert (len(page.data), page.has_more) == (2, True)
    assert [item.id for item in page] == whole  # the SDK goes on from page to page by `after`
    rest = client.responses.input_items.list(said.id, order=order, limit=100, after=whole[3])
    assert ([item.id for item in rest.data], rest.has_more) == (whole[4:], False)


@foreign_providers
@pytest.mark.parametrize(
    ("wish", "param"),
    [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"order": "up"}, "order"), ({"after": "msg_x"}, "after")],
)
def test_a_page_that_cannot_be_is_refused(
    client: openai.OpenAI, provider: str, wish: dict[str, Any], param: str
) -> None:
    said = say(client, model_of(provider), "one")
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.input_items.list(said.id, **wish)
    assert refused.value.param == param


# Summed up


@every_provider
def test_a_conversation_is_compacted_and_goes_on_from_that(client: openai.OpenAI, provider: str) -> None:
    said = say(client, model_of(provider), "one")
    compacted = client.responses.compact(model=model_of(provider), previous_response_id=said.id)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output][-1] == "compaction"
    items: Any = [item.to_dict(warnings=False) for item in compacted.output]
    told = say(client, model_of(provider, ";echo"), [*items, {"role": "user", "content": "and now?"}])
    assert heard(told)["last"].endswith("and now?")
    listed = client.responses.input_items.list(told.id, order="asc")
    assert [item.type for item in listed][-2:] == ["compaction", "message"]


# Whose it is


ASKED: dict[str, Callable[[openai.OpenAI, str], object]] = {
    "show": lambda client, name: client.responses.retrieve(name),
    "delete": lambda client, name: client.responses.delete(name),
    "list": lambda client, name: client.responses.input_items.list(name),
    "cancel": lambda client, name: client.responses.cancel(name),
}


@every_provider
@pytest.mark.parametrize("what", ASKED)
def test_another_key_sees_nothing_of_it(client: openai.OpenAI, other: openai.OpenAI, provider: str, what: str) -> None:
    said = say(client, model_of(provider), "a secret")
    with pytest.raises(openai.NotFoundError) as foreign:
        ASKED[what](other, said.id)
    with pytest.raises(openai.NotFoundError) as unknown:
        ASKED[what](other, "resp_none")
    assert str(foreign.value).replace(said.id, "resp_none") == str(unknown.value)
    assert foreign.value.type == "invalid_request_error"
    assert client.responses.retrieve(said.id).id == said.id


@every_provider
@both_ways
@pytest.mark.parametrize("how", ["respond", "compact", "count"])
def test_another_key_cannot_go_on_with_it(
    client: openai.OpenAI, other: openai.OpenAI, provider: str, stream: bool, how: str
) -> None:
    said = say(client, model_of(provider), "a secret", stream=stream)
    go_on: dict[str, Callable[[], object]] = {
        "respond": lambda: say(other, model_of(provider, ";echo"), "tell me", previous_response_id=said.id),
        "compact": lambda: other.responses.compact(model=model_of(provider), previous_response_id=said.id),
        "count": lambda: other.responses.input_tokens.count(
            model=model_of(provider), input="x", previous_response_id=said.id
        ),
    }
    with pytest.raises(openai.BadRequestError) as refused:
        go_on[how]()
    assert refused.value.param == "previous_response_id"


@every_provider
def test_an_unknown_response_cannot_be_continued(client: openai.OpenAI, provider: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        say(client, model_of(provider), "go on", previous_response_id=f"resp_{time.time_ns()}")
    assert refused.value.param == "previous_response_id"
    assert refused.value.type == "invalid_request_error"
