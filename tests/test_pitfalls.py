"""The page of pitfalls keeps its word: every number has a row, every row a proof that exists or a reason."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.source import ROOT

PAGE = ROOT / "docs" / "pitfalls.md"
FOLDER = ROOT / "tests" / "gateway" / "formats" / "pitfalls"
LAST = 145
REASON = "Cannot happen:"

ROWS = [
    (int(number), words, proof)
    for number, words, proof in re.findall(
        r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
]


def proofs(cell: str) -> list[str]:
    """The tests that a row names."""
    return re.findall(r"`([\w./-]+\.py::[^`]+)`", cell)


def named(proof: str) -> tuple[Path, str, str]:
    """File, test and case of a proof; a file without a folder is one of the pitfalls' own."""
    found = re.fullmatch(r"([\w./-]+\.py)::(\w+)(?:\[([\w-]+)\])?", proof)
    assert found is not None, f"not a test: {proof}"
    path, test, case = found.groups(default="")
    return (ROOT / path if "/" in path else FOLDER / path), test, case


@cache
def defined_in(path: Path) -> frozenset[str]:
    """The tests that a file defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def test_every_pitfall_has_its_row() -> None:
    assert [number for number, _, _ in ROWS] == list(range(1, LAST + 1))


@pytest.mark.parametrize(("number", "words", "proof"), ROWS, ids=[str(number) for number, _, _ in ROWS])
def test_every_row_has_a_proof_that_exists_or_a_reason(number: int, words: str, proof: str) -> None:
    assert words.endswith("."), f"{number}: a pitfall is told in a sentence"
    tests = proofs(proof)
    assert len(tests) == proof.count("::"), f"{number}: a proof cannot be read"
    assert tests or proof.startswith(REASON), f"{number}: neither test nor reason"
    for path, test, case in map(named, tests):
        assert path.is_file(), f"{number}: there is no {path}"
        assert test in defined_in(path), f"{number}: {path.name} has no {test}"
        assert not case or (ROOT / "tests" / "cases" / f"{case}.json").is_file(), f"{number}: there is no case {case}"


def test_every_test_of_the_pitfalls_is_told_of() -> None:
    told = {(path, test) for _, _, proof in ROWS for path, test, _ in map(named, proofs(proof))}
    here = {(path, test) for path in sorted(FOLDER.glob("test_*.py")) for test in defined_in(path)}
    assert sorted(test for _, test in here - told) == []
