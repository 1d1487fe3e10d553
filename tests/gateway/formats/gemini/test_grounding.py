"""Sources of texts, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.format import Fields
from gateway.formats.gemini.grounding import cited, read_grounding, write_grounding
from gateway.formats.neutral import Citation

A = {"web": {"uri": "https://a.example", "title": "A"}}
B = {"web": {"uri": "https://b.example"}}


def support(*indexes: int, **segment: Any) -> Fields:
    return {"segment": segment, "groundingChunkIndices": list(indexes)}


def places(metadata: Any, text: str, before: int = 0) -> list[tuple[int, int]]:
    return [(citation.start, citation.end) for citation in read_grounding(metadata, text, before)]


@pytest.mark.parametrize(
    ("segment", "text", "before", "place"),
    [
        ({"startIndex": 2, "endIndex": 4}, "üab", 0, (1, 3)),
        ({"endIndex": 2}, "üab", 0, (0, 1)),
        ({"startIndex": 12, "endIndex": 13, "text": "a"}, "üab", 10, (1, 2)),
        # Of the part rather than of the whole.
        ({"startIndex": 2, "endIndex": 3, "text": "a"}, "üab", 10, (1, 2)),
        # Where the bytes say something else, what was said is looked for.
        ({"startIndex": 0, "endIndex": 1, "text": "ab"}, "üab", 0, (1, 3)),
        ({"text": "b"}, "üab", 0, (2, 3)),
        # What cannot be found stands for the whole text.
        ({"startIndex": 1, "endIndex": 2}, "üab", 0, (0, 0)),
        ({"startIndex": 7, "endIndex": 9}, "üab", 0, (0, 0)),
        ({"startIndex": "0", "endIndex": 1, "text": "x"}, "üab", 0, (0, 0)),
        ({}, "üab", 0, (0, 0)),
    ],
)
def test_places_are_counted_in_characters(segment: Fields, text: str, before: int, place: tuple[int, int]) -> None:
    metadata = {"groundingChunks": [A], "groundingSupports": [support(0, **segment)]}
    assert places(metadata, text, before) == [place]


def test_a_support_may_name_several_sources() -> None:
    metadata = {"groundingChunks": [A, {"image": {}}, B], "groundingSupports": [support(0, 1, 2, 9, endIndex=1)]}
    assert list(read_grounding(metadata, "ab", 0)) == [
        Citation("https://a.example", "A", 0, 1),
        Citation("https://b.example", "", 0, 1),
    ]


def test_sources_without_supports_stand_for_the_whole_text() -> None:
    chunks = [A, {"retrievedContext": {"uri": "gs://a"}}, {"maps": {"uri": "https://m.example", "title": "M"}}]
    assert list(read_grounding({"groundingChunks": chunks}, "ab", 0)) == [
        Citation("https://a.example", "A"),
        Citation("gs://a"),
        Citation("https://m.example", "M"),
    ]


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        7,
        {},
        {"groundingChunks": 7},
        {"groundingChunks": [7, {"web": 7}, {"web": {"uri": 7}}]},
        {"groundingChunks": [A], "groundingSupports": [{"groundingChunkIndices": "0"}, {"segment": 7}]},
        {"groundingChunks": [A], "groundingSupports": [support(-1)]},
    ],
)
def test_garbage_names_no_source(metadata: Any) -> None:
    assert list(read_grounding(metadata, "ab", 0)) == []


def test_without_sources_nothing_is_written() -> None:
    assert write_grounding([]) == {}


@pytest.mark.parametrize(("text", "before"), [("üab", 0), ("üab", 7), ("ab", 0)])
def test_what_is_written_is_read_again(text: str, before: int) -> None:
    citations = [Citation("https://a.example", "A", 1, 2), Citation("https://b.example", "", 0, len(text))]
    written = write_grounding(cited(citation, text, before) for citation in citations)
    assert list(read_grounding(written["groundingMetadata"], text, before)) == citations


def test_a_source_of_the_whole_text_stands_for_all_its_bytes() -> None:
    assert cited(Citation("https://a.example"), "üa", 4)[1:] == (4, 7)
