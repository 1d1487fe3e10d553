"""The playground: what is sent, what is shown of the answer, with a script and without."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.captures import reading
from gateway.captures.places import folder_of
from gateway.errors import ControlUnavailable, UpstreamClosed
from gateway.management import keys
from gateway.management.keys import KeyFilter
from tests.gateway.management.crowd import add
from tests.gateway.management.offices import OPERATOR
from tests.web.markup import assert_well_formed
from tests.web.playing import HELLO, OURS, STEP, STREAM, TARGET, TOLD, Answer, press, streamed, whole
from tests.web.store import Store, store_in
from tests.web.test_hostile import CORPUS, assert_harmless
from tests.web.test_said import kept
from tests.web.visiting import PASSWORD, House, Person, house_in
from web.pages.played import MOST_SHOWN_BYTES
from web.pages.playground import flow_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_in(tmp_path) as made:
        yield made


@pytest.fixture
async def house(tmp_path: Path, store: Store) -> AsyncIterator[House]:
    async with house_in(tmp_path, store=store) as made:
        made.around.foresight.answer = TOLD
        made.around.playing.answer = whole()
        yield made


@pytest.fixture
async def owner(house: House) -> Person:
    await add(house.office, "olga", "owner", password=PASSWORD)
    return await house.signed_in("olga@example.com")


@pytest.fixture
async def player(owner: Person) -> Person:
    """Olga, with a key that was made for her."""
    await owner.get("/playground")
    assert (await owner.submit("/playground/lend")).to == "/playground?said=key-lent"
    await owner.follow()
    return owner


def events_in(text: str) -> list[dict[str, Any]]:
    return [orjson.loads(event.removeprefix("data: ")) for event in text.split("\n\n") if event]


# Sending


async def test_the_whole_answer_is_shown_without_a_script(player: Person, house: House) -> None:
    answer = await player.submit("/playground/send", **HELLO, system="Be kind.", temperature="0.5", max_tokens="64")
    assert answer.status == 200
    assert_well_formed(answer.text)
    (asked,) = house.around.playing.asked_for
    assert asked.path == "/v1/chat/completions"
    assert orjson.loads(asked.body) == {
        "model": "fast",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
        "temperature": 0.5,
        "max_completion_tokens": 64,
    }
    shown = html.unescape(answer.text)
    for said in ("Hello yourself", "mock/tiny", "on first", "mock/tiny was sent", "tiny-upstream", "logit_bias"):
        assert said in shown, said
    assert "answered" in shown


async def test_a_conversation_goes_on(player: Person, house: House) -> None:
    answer = await player.submit("/playground/send", **HELLO)
    assert 'value="UHello"' in answer.text
    assert 'value="MHello yourself"' in answer.text
    more = {**HELLO, "message": "And\r\nnow?", "turn": ["UHello", "MHello yourself"], "format": "anthropic"}
    await player.submit("/playground/send", **more)
    asked = house.around.playing.asked_for[-1]
    assert asked.path == "/v1/messages"
    assert [each["content"] for each in orjson.loads(asked.body)["messages"]] == [
        "Hello",
        "Hello yourself",
        "And\nnow?",
    ]


@pytest.mark.parametrize(
    ("format_name", "stream", "path"),
    [
        ("openai_responses", ["no", "yes"], "/v1/responses"),
        ("gemini", ["no"], "/v1beta/models/lab%2Ftiny:generateContent"),
        ("gemini", ["no", "yes"], "/v1beta/models/lab%2Ftiny:streamGenerateContent?alt=sse"),
    ],
)
async def test_it_is_asked_where_the_format_has_it(
    player: Person, house: House, format_name: str, stream: list[str], path: str
) -> None:
    await player.submit("/playground/send", **{**HELLO, "format": format_name, "stream": stream, "model": "lab/tiny"})
    assert house.around.playing.asked_for[0].path == path


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"message": "  "},
        {"format": "morse"},
        {"temperature": "hot"},
        {"temperature": "nan"},
        {"temperature": "3"},
        {"max_tokens": "0"},
        {"max_tokens": "1.5"},
        {"mode": "raw", "endpoint": "/v1/nothing", "body": "{}"},
        {"mode": "raw", "endpoint": "/v1/chat/completions", "body": " "},
    ],
)
async def test_what_cannot_be_sent_is_said_beside_its_field(
    player: Person, house: House, wrong: Mapping[str, str]
) -> None:
    answer = await player.submit("/playground/send", **{**HELLO, **wrong})
    assert answer.status == 422
    assert_well_formed(answer.text)
    assert 'class="wrong"' in answer.text or 'role="alert"' in answer.text
    assert house.around.playing.asked_for == []


async def test_a_refusal_is_shown_in_full_and_the_question_stays(player: Person, house: House) -> None:
    refusal = {"error": {"message": "Your key may not use fast.", "type": "model_not_allowed"}}
    house.around.playing.answer = Answer(
        (orjson.dumps(refusal),), status=403, headers={"content-type": "application/json"}
    )
    answer = await player.submit("/playground/send", **HELLO)
    shown = html.unescape(answer.text)
    assert answer.status == 200
    assert "failed" in shown
    assert "Your key may not use fast." in shown
    assert ">Hello</textarea>" in shown
    assert 'name="turn"' not in shown


async def test_what_breaks_off_is_said(player: Person, house: House) -> None:
    house.around.playing.answer = whole(breaks=UpstreamClosed("It was closed."))
    assert "The answer broke off: It was closed." in html.unescape(
        (await player.submit("/playground/send", **HELLO)).text
    )
    house.around.playing.refusal = ControlUnavailable("The gateway does not take requests at this moment.")
    await player.get("/playground")
    answer = await player.submit("/playground/send", **HELLO)
    assert answer.status == 422
    assert "does not take requests" in answer.text
    assert ">Hello</textarea>" in answer.text


async def test_tokens_and_cost_are_those_that_are_booked(player: Person, house: House, store: Store) -> None:
    (made,) = await keys.list_keys(house.office, OPERATOR, KeyFilter(), after_id=None, limit=9)
    booked = {"key_id": f"key:{made.id}", "cost_nano_usd": 1_230_000_000}
    (request_id,) = store.add(booked)
    house.around.playing.answer = whole(headers=OURS | {"x-sluicegate-request-id": request_id})
    answer = await player.submit("/playground/send", **HELLO)
    assert f'href="/requests/{request_id}"' in answer.text
    assert "$1.23" in answer.text


@pytest.mark.parametrize("captured", [True, False])
async def test_what_the_provider_answered_is_shown_beside_what_the_client_got(
    player: Person, house: House, store: Store, tmp_path: Path, *, captured: bool
) -> None:
    (made,) = await keys.list_keys(house.office, OPERATOR, KeyFilter(), after_id=None, limit=9)
    row = {"key_id": f"key:{made.id}", "captured": captured}
    request_id = await kept(house, store, tmp_path, row=row)
    house.around.playing.answer = whole(headers=OURS | {"x-sluicegate-request-id": request_id})
    answer = await player.submit("/playground/send", **HELLO)
    assert house.around.playing.asked_for[-1].shown
    assert_well_formed(answer.text)
    assert "anthropic/claude answered" in answer.text
    assert "The client got" in answer.text
    assert reading.is_kept(folder_of(tmp_path), request_id) == captured, "what is kept for nobody else is gone"


async def test_whoever_may_not_read_bodies_is_shown_what_the_client_got(house: House) -> None:
    await add(house.office, "mia", password=PASSWORD)
    member = await house.signed_in("mia@example.com")
    await member.get("/playground")
    await member.submit("/playground/lend")
    await member.follow()
    answer = await member.submit("/playground/send", **HELLO)
    assert not house.around.playing.asked_for[-1].shown
    assert "The client's answer" in html.unescape(answer.text)


async def test_a_stream_that_holds_an_error_has_failed(player: Person, house: House, store: Store) -> None:
    (made,) = await keys.list_keys(house.office, OPERATOR, KeyFilter(), after_id=None, limit=9)
    (request_id,) = store.add({"key_id": f"key:{made.id}", "error": "upstream_closed"})
    house.around.playing.answer = streamed("Hel", headers=STREAM | {"x-sluicegate-request-id": request_id})
    answer = await player.submit("/playground/send", **HELLO)
    assert "It ended with upstream_closed." in answer.text
    assert "failed" in answer.text


async def test_what_is_large_or_no_text_is_not_shown_whole(player: Person, house: House) -> None:
    house.around.playing.answer = Answer((b"x" * MOST_SHOWN_BYTES, b"y" * 10))
    shown = (await player.submit("/playground/send", **HELLO)).text
    assert "Only its beginning is shown, of 1,048,586 bytes." in shown
    house.around.playing.answer = Answer((b"\xff\xfb\x90",), headers={"content-type": "audio/mpeg"})
    assert "It is no text, and is not shown." in (await player.submit("/playground/send", **HELLO)).text


# With a script


async def test_with_a_script_words_come_one_after_another(player: Person, house: House) -> None:
    house.around.playing.answer = streamed("Hel", "lo")
    answer = await player.submit("/playground/send", **{**HELLO, "stream": ["no", "yes"]}, follow="yes")
    assert answer.headers["content-type"].startswith("text/event-stream")
    begun, *words, ended = events_in(answer.text)
    assert [each["text"] for each in words] == ["Hel", "lo"]
    assert 'id="answer"' in begun["talk"]
    assert "answering" in begun["outcome"]
    assert not begun["answered"]
    assert not begun["over"]
    assert ended["answered"]
    assert ended["over"], "there is nothing to be stopped any more"
    assert 'value="MHello"' in ended["talk"]
    assert "[DONE]" in ended["outcome"]
    for each in (begun, ended):
        assert_well_formed(each["talk"])
        assert_well_formed(each["outcome"])


async def test_with_a_script_what_is_wrong_is_an_event(player: Person, house: House) -> None:
    for wrong in ({"model": ""}, {"mode": "raw", "endpoint": "/v1/nothing"}):
        (event,) = events_in((await player.submit("/playground/send", **{**HELLO, **wrong}, follow="yes")).text)
        assert event["problem"]
        await player.get("/playground")
    house.around.playing.refusal = ControlUnavailable("Not now.")
    (event,) = events_in((await player.submit("/playground/send", **HELLO, follow="yes")).text)
    assert event == {"problem": "Not now."}


async def test_whoever_stops_frees_the_provider(player: Person, house: House) -> None:
    house.around.playing.answer = streamed("Hel", hangs=True)
    reached = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        async with house.around.playing.asked("/v1/messages", b"", "") as answer:
            async for part in answer.parts:
                reached.set()
                yield part

    flow = flow_of(events())
    assert await anext(flow.parts)
    await reached.wait()
    assert not house.around.playing.left.is_set()
    flow.end()
    async with asyncio.timeout(5):
        await house.around.playing.left.wait()
        async for _ in flow.parts:
            pass


async def test_what_fails_within_a_flow_is_not_swallowed() -> None:
    async def events() -> AsyncIterator[bytes]:
        yield b"one"
        raise ZeroDivisionError

    flow = flow_of(events())
    assert await anext(flow.parts) == b"one"
    with pytest.raises(ZeroDivisionError):
        await anext(flow.parts)


# Without sending


async def test_a_preview_sends_nothing(player: Person, house: House) -> None:
    answer = await press(player, "preview", **HELLO)
    assert_well_formed(answer.text)
    shown = html.unescape(answer.text)
    assert "mock/tiny would be sent" in shown
    assert "tiny-upstream" in shown
    assert ">Hello</textarea>" in shown
    assert house.around.playing.asked_for == []
    refused = {"status": 403, "code": "model_not_allowed", "message": "Not this one."}
    house.around.foresight.answer = {"refused": refused, "steps": [], "targets": []}
    assert "It would be refused: 403" in (await press(player, "preview", **HELLO)).text


async def test_a_conversation_can_be_gone_on_with_by_hand(player: Person, house: House) -> None:
    answer = await press(player, "raw", **HELLO)
    assert_well_formed(answer.text)
    shown = html.unescape(answer.text)
    assert '"content": "Hello"' in shown
    fields = {"mode": "raw", "endpoint": "/v1/chat/completions", "body": '{"model": "x", "n": 1}'}
    answer = await player.submit("/playground/send", **fields)
    assert house.around.playing.asked_for[-1].body == b'{"model": "x", "n": 1}'
    assert '{"model": "x", "n": 1}' in html.unescape(answer.text)
    assert "Hello yourself" in answer.text


async def test_a_body_that_is_no_json_is_sent_as_it_is(player: Person, house: House) -> None:
    house.around.playing.answer = Answer((b'{"error":{"message":"We could not parse"}}',), status=400)
    fields = {"mode": "raw", "endpoint": "/v1/chat/completions", "body": "{nonsense"}
    answer = await player.submit("/playground/send", **fields)
    assert house.around.playing.asked_for[-1].body == b"{nonsense"
    assert "We could not parse" in answer.text
    shown = (await press(player, "preview", **fields)).text
    assert "The body is no JSON" in shown


# Once more


async def test_what_was_captured_is_there_to_be_sent_once_more(
    player: Person, house: House, store: Store, tmp_path: Path
) -> None:
    request_id = await kept(house, store, tmp_path)
    page = await player.get(f"/playground?replay={request_id}")
    assert_well_formed(page.text)
    shown = html.unescape(page.text)
    assert '"model": "fast"' in shown
    assert "Its body is as it was captured." in shown
    assert "JSON by hand" in shown


async def test_without_a_capture_model_and_endpoint_are_there(player: Person, store: Store) -> None:
    (request_id,) = store.add({"captured": False, "requested_model": "fast", "endpoint": "/v1/chat/completions"})
    shown = html.unescape((await player.get(f"/playground?replay={request_id}")).text)
    assert "Only model and endpoint are as they were: nothing of what was said was kept." in shown
    assert '"model": "fast"' in shown
    (file,) = store.add({"captured": True, "requested_model": "whisper", "endpoint": "/v1/audio/transcriptions"})
    shown = html.unescape((await player.get(f"/playground?replay={file}")).text)
    assert "Only the model is as it was" in shown
    assert '"model": "whisper"' in shown
    (gone,) = store.add({"captured": True})
    assert "Nothing is kept here" in (await player.get(f"/playground?replay={gone}")).text
    assert (await player.get("/playground?replay=nonsense")).status == 404


async def test_others_replay_without_what_was_said(house: House, store: Store, tmp_path: Path) -> None:
    request_id = await kept(house, store, tmp_path)
    await add(house.office, "vera", "viewer", password=PASSWORD)
    viewer = await house.signed_in("vera@example.com")
    shown = (await viewer.get(f"/playground?replay={request_id}")).text
    assert "what was said is not for you to read" in shown
    await add(house.office, "mia", password=PASSWORD)
    member = await house.signed_in("mia@example.com")
    assert (await member.get(f"/playground?replay={request_id}")).status == 404


@pytest.mark.parametrize("text", CORPUS)
async def test_whatever_is_said_is_text(player: Person, house: House, text: str) -> None:
    said = {"choices": [{"message": {"content": text, "reasoning_content": text}}], text: [text]}
    hostile = {
        name: text.encode("ascii", "replace").decode() for name in ("x-sluicegate-model", "x-sluicegate-dropped")
    }
    house.around.playing.answer = Answer((orjson.dumps(said),), headers=OURS | hostile)
    house.around.foresight.answer = {
        "refused": {"status": 400, "code": text, "message": text},
        "steps": [STEP],
        "targets": [{**TARGET, "dropped": [text], "quirks": [text], "body": {text: text}, "path": text}],
    }
    typed = {**HELLO, "model": text, "message": text, "system": text, "turn": [f"U{text}", f"M{text}"]}
    for action in ("send", "preview", "raw"):
        await player.get("/playground")
        answer = await press(player, action, **typed)
        assert_harmless(answer.text)
        assert_well_formed(answer.text)
    await player.get("/playground")
    for event in events_in((await player.submit("/playground/send", **typed, follow="yes")).text):
        for part in ("talk", "outcome"):
            assert_harmless(event.get(part, ""))
    await player.get("/playground")
    raw = {"mode": "raw", "endpoint": text, "body": text, "model": text}
    assert_harmless((await player.submit("/playground/send", **raw)).text)
    key = await player.post("/playground/key", {**player.last.forms[0][1], "key": text})  # type: ignore[union-attr]
    assert_harmless(key.text)
