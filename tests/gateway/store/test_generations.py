from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.generations import CLASSES, Generations, shared_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return shared_file(tmp_path)


@pytest.fixture
def shown(path: Path) -> Iterator[Generations]:
    made = Generations(path)
    yield made
    made.close()


def test_nothing_has_changed_in_the_beginning(shown: Generations, path: Path) -> None:
    assert [shown.of(name) for name in CLASSES] == [0, 0, 0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_shown_is_seen_by_everybody_at_once(shown: Generations, path: Path) -> None:
    other = Generations(path)
    shown.show("keys", 7)
    assert [other.of(name) for name in CLASSES] == [0, 7, 0]
    assert other.words[other.index("keys")] == 7
    other.close()


def test_another_process_sees_it_too(shown: Generations, path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from gateway.store.generations import Generations\n"
        "shown = Generations(Path(sys.argv[1])); shown.show('people', shown.of('keys') + 1); shown.close()"
    )
    shown.show("keys", 41)
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=30)
    assert shown.of("people") == 42


def test_what_changes_on_this_machine_is_counted_beside_the_classes(shown: Generations, path: Path) -> None:
    other = Generations(path)
    for _ in range(2):
        shown.tell("registry")
    assert other.local("registry") == 2
    assert [other.of(name) for name in CLASSES] == [0, 0, 0]
    other.close()


def test_an_older_number_changes_nothing(shown: Generations) -> None:
    shown.show("configuration", 9)
    shown.show("configuration", 8)
    assert shown.of("configuration") == 9


def test_what_was_shown_is_there_for_those_who_come_later(shown: Generations, path: Path) -> None:
    shown.show("people", 2**40)
    later = Generations(path)
    assert later.of("people") == 2**40
    later.close()
