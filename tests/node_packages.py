"""The packages of Node that tests use, installed beside their scripts in `tests/node`."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.source import ROOT

SCRIPTS = ROOT / "tests" / "node"


@pytest.fixture(scope="session")
def scripts() -> Path:
    """The scripts with their packages, installed once for each lock file."""
    lock = hashlib.sha256((SCRIPTS / "package-lock.json").read_bytes()).hexdigest()
    mark = SCRIPTS / "node_modules" / ".installed"
    if not mark.exists() or mark.read_text(encoding="utf-8") != lock:
        install()
        mark.write_text(lock, encoding="utf-8")
    return SCRIPTS


def install() -> None:
    """Skips the tests where no registry can be reached; where CI=true a skip is a failure."""
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False, timeout=100)
    if done.returncode:
        pytest.skip(f"the packages of Node cannot be installed: {done.stderr.strip()[-300:]}")
