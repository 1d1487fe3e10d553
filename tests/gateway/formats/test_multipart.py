"""Of a form only the fields that matter are touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert multipart.field_spans(body, b"XyZ", b"model") != []
    assert multipart.field_spans(body[:-10], b"XyZ", b"model") == []
    assert multipart.field_spans(body[:20], b"XyZ", b"model") == []


def test_two_models_are_refused_since_readers_differ_in_which_they_believe() -> None:
    with pytest.raises(InvalidRequest) as refused:
        multipart.read_form_ask(form((b'name="model"', b"a"), FILE, (b'name="model"', b"b")), TYPE, None)
    assert refused.value.param == "model"


@pytest.mark.parametrize(
    "disposition",
    [
        b'filename="a; name=model"; name="file"',
        b'filename="a\\"; name=\\"model"; name="file"',
        b'xname="model"; name="file"',
        b'name="file"; name="model"',
        b'name="file"\r\nx: content-disposition: form-data; name="model"',
    ],
)
def test_a_file_is_not_taken_for_the_model_whatever_it_is_called(disposition: bytes) -> None:
    body = form((disposition, b"allowed"), (b'name="model"', b"forbidden"))
    ask = multipart.read_form_ask(body, TYPE, None)
    assert ask.model == "forbidden"
    assert multipart.edit_form(body, TYPE, ask, "x") == body.replace(b"forbidden", b"x")


@pytest.mark.parametrize(
    "disposition", [b'name="mo\\del"', b"NAME=model", b'filename=""; name="model"', b"name=model "]
)
def test_the_model_is_found_as_any_reader_of_forms_finds_it(disposition: bytes) -> None:
    assert multipart.read_form_ask(form(FILE, (disposition, b"m")), TYPE, None).model == "m"


@pytest.mark.parametrize("content", [b"a\r\n--XyZa\r\nb", b"--XyZa", b"a--XyZ\r\nb", b"\r\n", b""])
def test_a_boundary_counts_only_on_a_line_of_its_own(content: bytes) -> None:
    body = form((b'name="file"', content), (b'name="model"', b"m"))
    ask = multipart.read_form_ask(body, TYPE, None)
    assert ask.model == "m"
    assert multipart.edit_form(body, TYPE, ask, "other") == body.replace(b"\r\n\r\nm\r\n", b"\r\n\r\nother\r\n")


def test_a_part_without_an_empty_line_has_no_value() -> None:
    body = b'--XyZ\r\ncontent-disposition: form-data; name="model"\r\n' + form((b'name="model"', b"m"))
    assert multipart.read_form_ask(body, TYPE, None).model == "m"


def test_what_stands_before_the_first_boundary_does_not_count() -> None:
    body = b'preamble\r\nname="model"\r\n' + form((b'name="model"', b" m ")).replace(b"--XyZ\r\n", b"--XyZ  \r\n")
    assert multipart.read_form_ask(body, TYPE, None).model == "m"


def test_another_parameter_is_not_taken_for_the_boundary() -> None:
    assert multipart.boundary_of(b"multipart/form-data; xboundary=a; Boundary=b") == b"b"


@given(
    st.lists(
        st.sampled_from([b"--XyZ", b"--", b"\r\n", b"\r\n\r\n", b'name="model"', b"content-disposition:", b";", b"m"])
    )
)
def test_garbage_is_an_ask_or_our_error(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    try:
        ask = multipart.read_form_ask(body, TYPE, None)
    except InvalidRequest:
        return
    assert isinstance(multipart.edit_form(body, TYPE, ask, "other"), bytes)
