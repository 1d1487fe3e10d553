"""Expressions of operators are checked as they are read, and found in time that the text alone decides."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings.expressions import Expression, check_expression
from gateway.settings.load import load
from tests.waiting import until


@pytest.mark.parametrize("pattern", [r"\d{16}", "(?i)secret", r"[\w.+-]+@[\w-]+\.[\w.]+", "é", r"\bword\b", "a|b"])
def test_an_expression_that_finds_something_is_one(pattern: str) -> None:
    check_expression(pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "missing )"),
        ("(?=a)", "invalid perl operator"),
        (r"(a)\1", "invalid escape"),
        ("a{1000}{1000}", "repetition"),
        ("((a{100}){100}){100}", "repetition size"),
        ("a*", "matches where there is nothing"),
        ("", "matches where there is nothing"),
        (r"\b", "matches where there is nothing"),
        ("(?m)^x*", "matches where there is nothing"),
        ("$", "matches where there is nothing"),
    ],
)
def test_one_that_does_not_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace(")", r"\)")):
        check_expression(pattern)


def test_the_settings_say_which_one_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "sluicegate.toml"
    file.write_text('[capture]\nredact = [\n  "fine",\n  "(a",\n]\n')
    with pytest.raises(SettingsError, match=r"toml:\d+: capture\.redact.*RE2.*missing"):
        load(file, {})


def test_several_are_found_in_the_order_of_the_text() -> None:
    text = "é1 b22 é333 b".encode()
    found = [text[begin:end] for begin, end in Expression(["b\\d+", "é\\d"]).spans(text)]
    assert found == ["é1".encode(), b"b22", "é3".encode()]


def test_nothing_is_never_found() -> None:
    assert list(Expression([r"\b"]).spans(b"a word")) == []


def test_bytes_that_are_no_text_are_searched_as_well() -> None:
    assert list(Expression(["b+"]).spans(b"\xff\xfebb\xff")) == [(2, 4)]


def test_others_go_on_while_something_is_searched() -> None:
    """Whatever holds the interpreter for long keeps the event loop from its clients."""
    expression, text, turns = Expression(["(x+x+)+y"]), b"x" * (64 * 1024 * 1024), []
    over = threading.Event()

    def search() -> None:
        assert not list(expression.spans(text))
        over.set()

    thread = threading.Thread(target=search)
    thread.start()
    while not over.is_set():
        begun = time.perf_counter()
        time.sleep(0.001)
        turns.append(time.perf_counter() - begun)
    thread.join()
    until(over.is_set)
    assert len(turns) > 5
    assert sorted(turns)[len(turns) // 2] < 0.02
