"""Every case of `tests/cases` on the pure functions: requests, whole replies, streams cut everywhere."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import GatewayError, UpstreamError
from gateway.formats.format import ReplyContext
from gateway.formats.neutral import Source
from gateway.formats.table import FORMATS
from gateway.formats.translate import Translate
from gateway.formats.translation import Translation
from tests.cuts import cuts, dressings
from tests.vectors import NAMES, Case, cases, compare

TRANSLATED = [case for case in cases() if case.client != case.upstream]

PIXEL = Source("base64", "aGk=", "image/png")


def having(part: str) -> list[Any]:
    return [pytest.param(case, id=case.id) for case in TRANSLATED if case.get(part) is not None]


def begun(case: Case, fields: dict[str, Any]) -> Translation:
    translation = Translation(FORMATS[NAMES[case.client]], FORMATS[NAMES[case.upstream]], case.facts)
    urls = translation.read(fields)
    translation.inline(dict.fromkeys(urls, PIXEL))
    return translation


def written(case: Case, fields: dict[str, Any]) -> tuple[Translation, dict[str, Any]]:
    translation = begun(case, fields)
    return translation, translation.write(case.upstream_model)


def context(case: Case, translation: Translation, fields: dict[str, Any]) -> ReplyContext:
    return ReplyContext(case.client_model, "0198f0c0ffee", 1790000000, translation.prompt, fields)


@pytest.mark.parametrize("case", having("expect_upstream_request"))
def test_the_request_is_what_the_provider_wants(case: Case) -> None:
    translation, body = written(case, case.request)
    expected = case.fields["expect_upstream_request"]
    assert compare.diff_request(case.upstream, expected["body"], body) == []
    assert set(case.get("expect_dropped") or ()) <= set(translation.losses.report)
    sent = {name.decode(): value.decode() for name, value in translation.upstream.headers}
    assert {**sent, **(expected.get("headers") or {})} == sent


@pytest.mark.parametrize(
    "case", [case for case in having("client_request") if "expect_upstream_request" in case.values[0].fields]
)
def test_what_cannot_be_carried_is_refused(case: Case) -> None:
    if case.fields["expect_upstream_request"] is not None:
        return
    with pytest.raises(GatewayError) as refused:
        written(case, case.request)
    status, body = FORMATS[NAMES[case.client]].write_error(refused.value, "req")
    expected = case.fields["expect_client_response"]
    assert (status, compare.diff_response(case.client, expected["body"], orjson.loads(body))) == (
        expected["status"],
        [],
    )


@pytest.mark.parametrize("case", having("upstream_response"))
def test_the_whole_reply_is_what_the_client_knows(case: Case) -> None:
    translation, _ = written(case, case.request)
    answer, expected = case.fields["upstream_response"], case.fields["expect_client_response"]
    body = orjson.dumps(answer["body"])
    if answer["status"] >= 400:
        headers = {name.lower().encode(): value.encode() for name, value in (answer.get("headers") or {}).items()}
        error = translation.upstream.read_error(answer["status"], headers, body)
        status, said = translation.client.write_error(error, "req")
        assert status == expected["status"]
        assert compare.diff_response(case.client, expected["body"], orjson.loads(said)) == []
        return
    reply = translation.reply(body)
    said_fields = translation.client.write_reply(reply, context(case, translation, case.request))
    assert compare.diff_response(case.client, expected["body"], orjson.loads(orjson.dumps(said_fields))) == []


def ran(case: Case, pieces: list[bytes]) -> tuple[bytes, Translate]:
    fields = case.stream_request
    translation, _ = written(case, fields)
    pipeline = translation.stream(context(case, translation, fields))
    out = b""
    for piece in pieces:
        out += pipeline.feed(piece)
    out += pipeline.close()
    if pipeline.error is not None and pipeline.opened:
        out += pipeline.fail(pipeline.error)
    return out, pipeline


@pytest.mark.parametrize("case", having("expect_client_stream"))
def test_the_stream_is_what_the_client_knows(case: Case) -> None:
    assert case.sse is not None
    out, pipeline = ran(case, [case.sse])
    assert pipeline.opened
    actual = compare.parse_sse(out)
    assert compare.diff_stream(case.client, case.fields["expect_client_stream"]["events"], actual) == []


@pytest.mark.parametrize("case", having("upstream_stream"))
def test_the_stream_is_the_same_however_it_arrives(case: Case) -> None:
    assert case.sse is not None
    whole, _ = ran(case, [case.sse])
    for pieces in cuts(case.sse):
        assert ran(case, pieces)[0] == whole
    for dressed in dressings(case.sse):
        assert ran(case, [dressed])[0] == whole
        assert ran(case, [dressed[at : at + 1] for at in range(len(dressed))])[0] == whole


@pytest.mark.parametrize("case", having("upstream_stream"))
def test_an_error_before_any_content_is_a_plain_error(case: Case) -> None:
    if case.get("expect_client_stream") is not None:
        return
    assert case.sse is not None
    _, pipeline = ran(case, [case.sse])
    assert not pipeline.opened
    assert isinstance(pipeline.error, UpstreamError)
    expected = case.fields["expect_client_response"]
    status, body = FORMATS[NAMES[case.client]].write_error(pipeline.error, "req")
    assert status == expected["status"]
    assert compare.diff_response(case.client, expected["body"], orjson.loads(body)) == []
