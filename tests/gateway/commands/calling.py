"""Calling a command in this process, and what it says."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner, Result

from gateway.__main__ import main


def call(*words: str | Path, input: str | None = None) -> Result:  # noqa: A002 # as the runner calls it
    """How `sluicegate` with these words ends. An error that is none of click's is raised."""
    return CliRunner().invoke(main, [str(word) for word in words], input=input, catch_exceptions=False)


def says(*words: str | Path) -> str:
    """What it prints where all is well."""
    done = call(*words)
    assert done.exit_code == 0, done.output
    return done.stdout


def refuses(*words: str | Path) -> str:
    """The one line in which it refuses."""
    done = call(*words)
    assert (done.exit_code, done.stdout) == (1, ""), done.output
    (line,) = click.unstyle(done.stderr).splitlines()
    return line.removeprefix("sluicegate: ")
