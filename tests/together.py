"""All tests, in runs side by side: those of whole gateways in three, and the rest.

`python -m tests.together [pytest's arguments]`; with arguments it is one run of pytest with these. Most of the time
goes into starting and ending processes, and into waiting for them, which several runs do at once. What the first run
says is shown as it comes, what the others say follows it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PYTEST = (sys.executable, "-m", "pytest")
TESTS = Path(__file__).parent
REST = ("tests", "--ignore=tests/e2e")
RUNS_OF_GATEWAYS = 3


def main(arguments: Sequence[str]) -> int:
    """Run the tests; pytest's exit code, of the run that went worst."""
    if arguments:
        return subprocess.call((*PYTEST, *arguments))
    first, *others = runs()
    with ThreadPoolExecutor(len(others)) as pool:
        beside = [pool.submit(_heard, run) for run in others]
        codes = [subprocess.call((*PYTEST, *first))]
        for each in beside:
            done = each.result()
            sys.stdout.write(done.stdout)
            codes.append(done.returncode)
    return max(codes)


def runs() -> list[tuple[str, ...]]:
    """What each run is of. Neighbours are alike: dealt out in turn, they take about as long."""
    modules = [f"tests/e2e/{path.name}" for path in sorted((TESTS / "e2e").glob("test_*.py"))]
    dealt = [tuple(modules[number::RUNS_OF_GATEWAYS]) for number in range(RUNS_OF_GATEWAYS)]
    return [*dealt, REST]


def _heard(run: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*PYTEST, *run), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
