"""All tests but those of the code itself, which are `make check`'s: in runs side by side. Modules are dealt into them,
and as many go on at once as a machine has use for.

`python -m tests.together [pytest's arguments]`; with arguments it is one run of pytest with these. Most of the time
goes into starting and ending processes, and into waiting for them, which several runs do at once. What a run says is
shown when it is over; what failed in any of them is said once more at the end.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from threading import Lock

import pytest

from tests.memory import roomy_memory

TESTS = Path(__file__).parent
AT_ONCE = 4
"""On two cores: those of whole gateways wait about as long as they compute."""
RUNS_OF_GATEWAYS, RUNS_OF_THE_REST = 26, 14
"""Many more than go on at once, so that all of those have something to do until the end."""

OF_THE_CODE = ("tests/test_architecture.py", "tests/test_docs.py")
"""They hold all of it in memory, which every test after them would be slower by."""

SLOWEST = ("--durations=6", "--durations-min=5")
LOADED = ("-W", "ignore:Module already imported so cannot be rewritten; anyio")
"""pytest would rewrite it for a plugin that it brings and nothing here uses."""

TOLD = re.compile(r"^(?:FAILED|ERROR) .*", re.MULTILINE)

_showing = Lock()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a run."""

    code: int
    told: str
    """Everything it said."""
    seconds: float


def main(arguments: Sequence[str]) -> int:
    """Run the tests; pytest's exit code, of the run that went worst."""
    if arguments:
        return subprocess.call((sys.executable, "-m", "pytest", *arguments))
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.loaded"])
    with TemporaryDirectory(prefix="slg-", dir=roomy_memory()) as root, ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(partial(_heard, context, Path(root)), runs()))
    for each in done:
        last = each.told.rstrip().rpartition("\n")[2].strip("= ")
        sys.stdout.write("".join(f"{line}\n" for line in TOLD.findall(each.told)))
        sys.stdout.write(f"{last} (exit code {each.code}, {each.seconds:.0f} s with its start)\n")
    return max(each.code for each in done)


def runs() -> list[tuple[str, ...]]:
    """What each run is of, in the order of their starts. Neighbours are alike: dealt out in turn, they take about as
    long."""
    modules = [str(path.relative_to(TESTS.parent)) for path in sorted(TESTS.rglob("test_*.py"))]
    ours = [module for module in modules if module.startswith("tests/e2e/")]
    rest = [module for module in modules if module not in ours and module not in OF_THE_CODE]
    return [*_dealt(ours, RUNS_OF_GATEWAYS), *_dealt(rest, RUNS_OF_THE_REST)]


def _dealt(modules: Sequence[str], parts: int) -> list[tuple[str, ...]]:
    return [tuple(modules[number::parts]) for number in range(parts)]


def _heard(context: ForkServerContext, root: Path, run: Sequence[str]) -> Done:
    """What a run says that has its directories in `root`: paths of sockets in them must be short."""
    began = time.monotonic()
    base = mkdtemp(dir=root, prefix="")
    output = Path(f"{base}.said")
    process = context.Process(target=_run, args=(output, (*SLOWEST, *LOADED, f"--basetemp={base}", *run)))
    process.start()
    process.join()
    told = output.read_text(errors="replace")
    with _showing:
        sys.stdout.write(told)
        sys.stdout.flush()
    # Of one that a signal ended it is negative: that is no better than 0.
    return Done(abs(process.exitcode or 0), told, time.monotonic() - began)


def _run(output: Path, arguments: Sequence[str]) -> None:
    """One run of pytest, in a process of its own, with a file for all that it and its children say."""
    with output.open("wb") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    sys.exit(pytest.main(list(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
