"""Of a form only the fields that matter are touched."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidRequest, UnsupportedMediaType
from gateway.formats import multipart

TYPE = b"multipart/form-data; boundary=XyZ"


def form(*parts: tuple[bytes, bytes], boundary: bytes = b"XyZ") -> bytes:
    body = b"".join(b"--%b\r\ncontent-disposition: form-data; %b\r\n\r\n%b\r\n" % (boundary, *part) for part in parts)
    return body + b"--" + boundary + b"--\r\n"


FILE = (b'name="file"; filename="model"', b'\x00\xff--Xy\r\n\r\nname="model"\r\n--XyNot')


def test_the_model_is_read_and_replaced_and_the_file_stays() -> None:
    body = form(FILE, (b'name="model"', b"mock/whisper-1"), (b'name="stream"', b"true"))
    ask = multipart.read_form_ask(body, TYPE, None)
    assert (ask.model, ask.stream) == ("mock/whisper-1", True)
    assert multipart.edit_form(body, TYPE, ask, "whisper-1") == body.replace(b"mock/whisper-1", b"whisper-1")


def test_a_form_without_model_goes_as_it_is() -> None:
    body = form(FILE)
    ask = multipart.read_form_ask(body, TYPE, "dall-e-2")
    assert ask.model == "dall-e-2"
    assert multipart.edit_form(body, TYPE, ask, "other") is body


@pytest.mark.parametrize("boundary", [b'"quoted one"', b"plain"])
def test_boundaries_may_be_quoted(boundary: bytes) -> None:
    bare = boundary.strip(b'"')
    body = form((b"name=model", b"m"), boundary=bare)
    assert multipart.read_form_ask(body, b"multipart/form-data; boundary=" + boundary, None).model == "m"


def test_what_is_no_form_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        multipart.read_form_ask(b"", b"multipart/form-data", None)
    with pytest.raises(InvalidRequest):
        multipart.read_form_ask(b"nothing", TYPE, "m")
    with pytest.raises(InvalidRequest):
        multipart.read_form_ask(form(FILE), TYPE, None)


def test_a_form_that_breaks_off_has_no_field() -> None:
    body = form((b'name="model"', b"m"))
    assert multipart.field_span(body[:-10], b"XyZ", b"model") is None
    assert multipart.field_span(body[:20], b"XyZ", b"model") is None
