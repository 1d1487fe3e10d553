from __future__ import annotations

import httpx
import pytest

from gateway.mock.multipart import File, NotAForm, read_form


def test_a_form_is_read_as_httpx_writes_it() -> None:
    files = [
        ("file", ("a.wav", b"\0\r\n--x\xff", "audio/wav")),
        ("image[]", ("1.png", b"1", "image/png")),
        ("image[]", ("2.png", b"2", "image/png")),
    ]
    request = httpx.Request("POST", "http://mock", data={"model": "whisper-1", "prompt": "für"}, files=files)
    form = read_form(request.headers["content-type"].encode(), request.read())
    assert form["model"] == "whisper-1"
    assert form["prompt"] == "für"
    assert form["file"] == File("a.wav", "audio/wav", b"\0\r\n--x\xff")
    assert [image.content for image in form["image[]"]] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (b"application/json", b"{}"),
        (b"multipart/form-data", b"--x--"),
        (b"multipart/form-data; boundary=x", b""),
        (b"multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        (b"multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\ncut off'),
    ],
)
def test_what_is_no_form_is_refused(content_type: bytes, body: bytes) -> None:
    with pytest.raises(NotAForm):
        read_form(content_type, body)
