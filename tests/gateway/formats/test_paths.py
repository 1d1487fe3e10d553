"""Requests go where their dialect says, and a model's name leads nowhere else."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidRequest
from gateway.formats.paths import count_path, gemini_path, generate_path
from gateway.formats.table import FORMATS


@pytest.mark.parametrize(
    ("dialect", "plain", "stream"),
    [
        ("openai_chat", "/chat/completions", "/chat/completions"),
        ("openai_responses", "/responses", "/responses"),
        ("anthropic", "/v1/messages", "/v1/messages"),
        ("gemini", "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent?alt=sse"),
    ],
)
def test_a_translated_request_goes_to_its_dialect_s_own_place(dialect: str, plain: str, stream: str) -> None:
    assert generate_path(dialect, "m", stream=False) == plain
    assert generate_path(dialect, "m", stream=True) == stream


def test_every_dialect_but_chat_counts_tokens() -> None:
    assert {name for name in FORMATS if count_path(name, "m") is None} == {"openai_chat"}


@pytest.mark.parametrize("model", ["gemini-3-pro", "tunedModels/a.b", "a..b", ".a", "...", "ü/x", "a\nb"])
def test_names_stay_in_their_place(model: str) -> None:
    path = gemini_path(model, "countTokens")
    assert path.startswith("/v1beta/models/")
    assert path.isascii()
    assert path.isprintable()
    assert path.count("/") == 3 + model.count("/")


@pytest.mark.parametrize("model", ["", "..", "a/../b", "../../v1/files", "a/.", "./a", "/a", "a/", "a//b"])
def test_a_name_that_leads_elsewhere_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest, match="segment"):
        gemini_path(model, "generateContent")
