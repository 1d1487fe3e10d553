"""A process that ends at once loses nothing, and waits for nobody who has nothing to do."""

from __future__ import annotations

import subprocess
import sys

from tests.source import ROOT

PROGRAM = """
import time
from concurrent.futures import ThreadPoolExecutor
from gateway import logs
from gateway.end import end

logs.configure("json", "info")
idle, busy = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
idle.submit(len, "").result()

def work():
    time.sleep(0.2)
    print("done")

busy.submit(work)
logs.get("test").info("the last word")
end(3)
"""


def test_what_was_begun_is_done_and_what_was_said_is_written() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert done.stdout == "done\n"
    assert '"the last word"' in done.stderr
