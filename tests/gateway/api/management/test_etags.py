"""Versions in headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.management.etags import content_tag, is_known, read_if_match, version_tag
from gateway.errors import GatewayError, InvalidRequest, VersionMismatch, VersionRequired


@given(st.integers(1, 10**18 - 1))
def test_a_version_comes_back_as_it_went(version: int) -> None:
    assert read_if_match(version_tag(version)) == version


def test_a_star_is_any_version() -> None:
    assert read_if_match(" * ") is None


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (None, VersionRequired),
        ("", InvalidRequest),
        ("1", InvalidRequest),
        ('"1", "2"', InvalidRequest),
        ('"1" and more', InvalidRequest),
        ('W/"1"', VersionMismatch),
        ('"0"', VersionMismatch),
        ('"01"', VersionMismatch),
        ('"abc"', VersionMismatch),
        ('"9999999999999999999"', VersionMismatch),
    ],
)
def test_what_is_no_version_of_ours_is_refused(said: str | None, error: type[GatewayError]) -> None:
    with pytest.raises(error) as raised:
        read_if_match(said)
    assert raised.value.param == "If-Match"


def test_the_tag_of_a_content_is_known_among_others() -> None:
    tag = content_tag(b"content")
    assert tag == content_tag(b"content") != content_tag(b"other")
    for said in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        assert is_known(said, tag)
    for other in (None, "", '"x"', tag.strip('"')):
        assert not is_known(other, tag)
