"""The packages of Node that tests use, installed beside their scripts in `tests/node`."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.source import ROOT

SCRIPTS = ROOT / "tests" / "node"


@pytest.fixture(scope="session")
def scripts() -> Path:
    """The scripts with their packages, installed once for each lock file."""
    wanted = hashlib.sha256((SCRIPTS / "package-lock.json").read_bytes()).hexdigest()
    mark = SCRIPTS / "node_modules" / ".installed"
    # Another run of tests may want them at the same moment.
    with (SCRIPTS / "package.json").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text(encoding="utf-8") != wanted:
            install()
            mark.write_text(wanted, encoding="utf-8")
    return SCRIPTS


def install() -> None:
    """Skips the tests where no registry can be reached; where CI=true a skip is a failure."""
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False, timeout=100)
    if done.returncode:
        pytest.skip(f"the packages of Node cannot be installed: {done.stderr.strip()[-300:]}")
