"""The model goes by the client's name for it where the dialect says it, and nowhere else."""

from __future__ import annotations

import orjson
import pytest

from gateway.formats.rename import ANCHOR_BYTES, Place, Rename, rename_reply, renamed_reply, text_of

KEY = b'"model"'


def events(*written: bytes, end: bytes = b"\n\n") -> bytes:
    return b"".join([b"data: " + each + end for each in written])


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize(
    "written",
    [
        [b'{"id":"a","model":"up","n":%d}' % number for number in range(5)],
        [b'{"n":%d,"id":"a","model":"up","x":1}' % number for number in range(5)],
        [b'{"n":%d,"model":"up","m":%d}' % (number, number) for number in range(5)],
        [b'{"model":"","n":1}', b'{"model":"up","n":2}', b'{"model" : "up","n":3}', b'{"n":4,"model":"other"}'],
        [
            b'{"model":null}',
            b'{"x":1}',
            b'{"model":"\\u0075p\\"","n":1}',
            b'{"model":7}',
            b'[{"model":"up"}]',
            b'"model"',
        ],
        [b'{"n":%d,"args":{"model":"up"},"model":"up"}' % number for number in range(3)],
        [b'{"args":{"model":"up"}}', b'{"model":"up","args":{"model":"up"}}', b'{"args":{"model":"up"}}'],
        [b'{"text":"\\"model\\":\\"up\\"","model":"up"}', b'{"text":"{\\"model\\":\\"up\\"}"}'],
        [b'{"model":"up","pad":"%b"}' % (b"x" * ANCHOR_BYTES), b'{"pad":"%b","model":"up"}' % (b"x" * ANCHOR_BYTES)],
        [b'{"model":"up"}', b"no json", b'{"model":"up', b'{"model":"up"}'],
    ],
)
def test_the_name_stands_where_it_stood_and_all_else_stays(written: list[bytes], end: bytes) -> None:
    expected = [told(each) for each in written]
    by_event, at_once = Rename(Place(KEY), "mine"), Rename(Place(KEY), "mine")
    assert b"".join([by_event.feed(events(each, end=end)) for each in written]) == events(*expected, end=end)
    assert at_once.feed(events(*written, end=end)) == events(*expected, end=end)


def told(written: bytes) -> bytes:
    """The event with its outermost name replaced, by an honest reading and a search for the member as it is written."""
    try:
        fields = orjson.loads(written)
    except orjson.JSONDecodeError:
        return written
    if not isinstance(fields, dict) or not isinstance(fields.get("model"), str):
        return written
    found = [
        written[:at] + b'"mine"' + written[at + size :]
        for at in range(len(written))
        for size in range(2, 16)
        if written[at : at + 1] == b'"'
        and written[at + size - 1 : at + size] == b'"'
        and names(written[:at] + b'"mine"' + written[at + size :], fields)
    ]
    return found[0]


def names(edited: bytes, fields: dict[str, object]) -> bool:
    try:
        return bool(orjson.loads(edited) == {**fields, "model": "mine"})
    except orjson.JSONDecodeError:
        return False


def test_a_name_within_another_member_is_looked_for_there_only() -> None:
    rename = Rename(Place(KEY, within=b'"response"'), "mine")
    data = events(
        b'{"model":"up","response":{"tools":[{"model":"up"}],"model":"up","metadata":{"model":"up"}}}',
        b'{"item":{"model":"up"}}',
        b'{"response":"model","model":"up"}',
    )
    assert rename.feed(data) == data.replace(b'],"model":"up"', b'],"model":"mine"')


@pytest.mark.parametrize("model", ["a/b", "ü", 'q"', "\u2028"])
def test_any_name_is_written_as_json(model: str) -> None:
    out = Rename(Place(KEY), model).feed(events(b'{"model":"up"}'))
    assert orjson.loads(out[6:]) == {"model": model}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"up","x":1}', b'{"model":"mine","x":1}'),
        (b'{ "model" : "up" }', b'{ "model" : "mine" }'),
        (
            b'{"data":[[0.5,{"a":"]"}]],"model":"up","usage":{}}',
            b'{"data":[[0.5,{"a":"]"}]],"model":"mine","usage":{}}',
        ),
        (b'{"data":[0.5,{"text":"some text","model":"up"}]}', b'{"data":[0.5,{"text":"some text","model":"up"}]}'),
        (b'{"tools":[{"model":"up"}],"model":"up"}', b'{"tools":[{"model":"up"}],"model":"mine"}'),
        (b'{"model":"up","metadata":{"model":"up"}}', b'{"model":"mine","metadata":{"model":"up"}}'),
        (b'{"metadata":{"model":"up"}}', b'{"metadata":{"model":"up"}}'),
        (b'{"model":null}', b'{"model":null}'),
        (b'{"model":"up","b64":"AAAA', b'{"model":"mine","b64":"AAAA'),
        (b"", b""),
        (b'<html>"model"', b'<html>"model"'),
    ],
)
def test_a_whole_reply_names_the_model_in_its_outermost_object_only(body: bytes, expected: bytes) -> None:
    assert renamed_reply(body, KEY, "mine") == expected


@pytest.mark.parametrize(
    ("body", "known"),
    [
        (b'{"model":"up","x":1}', b'"up"'),
        (b'{"model":"mine","x":1}', b'"mine"'),
        (b'{"tools":[{"model":"mine"}]}', b""),
        (b'{"tools":[{"model":"in"}],"model":"up"}', b'"up"'),
        (b'{"model":"first","model":"last"}', b'"last"'),
        (b'{"metadata":{"model":"up"}}', b""),
        (b'{"a":{"model":"up"},"b":{"model":"up"}}', b""),
        (b'{"model":null}', b""),
        (b"{}", b""),
    ],
)
def test_what_the_provider_called_it_is_told(body: bytes, known: bytes) -> None:
    assert rename_reply(body, KEY, "mine")[1] == known


def test_a_stream_tells_it_too_once_it_was_seen() -> None:
    rename = Rename(Place(KEY), "mine")
    assert rename.known == b""
    rename.feed(events(b'{"model":"up","n":1}', b'{"model":"up","n":2}'))
    assert rename.known == b'"up"'


@pytest.mark.parametrize(
    ("name", "text"),
    [(b'"up"', "up"), (b'"\\u0075p"', "up"), (b'"\xff"', ""), (b'"\\x"', ""), (b"", ""), (b"7", "")],
)
def test_a_name_that_is_no_text_is_none(name: bytes, text: str) -> None:
    assert text_of(name) == text
