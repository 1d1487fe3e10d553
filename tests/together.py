"""All tests, in two runs side by side: those of whole gateways, and the rest.

`python -m tests.together [pytest's arguments]`; with arguments it is one run of pytest with these. Most of the time
goes into starting and ending processes, which two runs do at once. The output of the second follows that of the first.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

PYTEST = (sys.executable, "-m", "pytest")
WHOLE = ("tests/e2e",)
REST = ("tests", "--ignore=tests/e2e")


def main(arguments: list[str]) -> int:
    """Run the tests; pytest's exit code, of the run that went worse."""
    if arguments:
        return subprocess.call((*PYTEST, *arguments))
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        with subprocess.Popen((*PYTEST, *REST), stdout=said, stderr=subprocess.STDOUT) as rest:
            code = subprocess.call((*PYTEST, *WHOLE))
            code = max(code, rest.wait())
        said.seek(0)
        sys.stdout.writelines(said)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
