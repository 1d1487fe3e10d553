"""Code that ran on Google's side, as text."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.gemini.code import code_text, outcome_text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"language": "PYTHON", "code": "1"}, "\n```python\n1\n```\n"),
        ({"language": "LANGUAGE_UNSPECIFIED", "code": "1\n"}, "\n```\n1\n```\n"),
        ({"language": 7, "code": "1"}, "\n```\n1\n```\n"),
        ({"language": "PYTHON", "code": " "}, ""),
        ({"code": 7}, ""),
        ({}, ""),
    ],
)
def test_code_is_a_fenced_block(fields: dict[str, Any], text: str) -> None:
    assert code_text(fields) == text


def test_what_it_printed_is_one_too() -> None:
    assert outcome_text({"outcome": "OUTCOME_FAILED", "output": "Oops\n"}) == "\n```\nOops\n```\n"
    assert outcome_text({"outcome": "OUTCOME_OK"}) == ""
