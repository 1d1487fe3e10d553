"""Files by their address; blobs are tested with the contents they are in."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidRequest
from gateway.formats.format import Fields
from gateway.formats.gemini.media import read_detail, read_file
from gateway.formats.losses import Losses
from gateway.formats.neutral import Document, Image, Part, Source

A = "https://a.example/a"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ({"fileUri": A, "mimeType": "image/png"}, Image(Source("url", A))),
        ({"file_uri": A}, Image(Source("url", A))),
        (
            {"fileUri": A, "mimeType": "application/pdf", "displayName": "a.pdf"},
            Document(Source("url", A, "application/pdf"), "a.pdf"),
        ),
        ({"fileUri": A, "mimeType": "text/plain"}, Document(Source("url", A, "text/plain"))),
    ],
)
def test_what_anybody_can_open_is_named_by_its_address(file: Fields, expected: Part) -> None:
    assert read_file(file, "x", Losses({})) == expected


@pytest.mark.parametrize(
    ("file", "param"),
    [
        ({}, "x.fileUri"),
        ({"fileUri": 7}, "x.fileUri"),
        ({"fileUri": A, "mimeType": "png"}, "x.mimeType"),
        (7, "x"),
    ],
)
def test_broken_files_are_refused_by_their_path(file: Fields, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_file(file, "x", Losses({}))
    assert refused.value.param == param


def test_what_nobody_reads_is_reported() -> None:
    losses = Losses({})
    read_file({"fileUri": A, "sizeBytes": 7}, "x", losses)
    assert read_detail({"level": "MEDIA_RESOLUTION_HIGH", "numTokens": 7}, "y", losses) == "high"
    assert read_detail({}, "z", losses) == ""
    assert losses.dropped == ["x.sizeBytes", "y.numTokens"]
