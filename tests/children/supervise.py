"""`sluicegate serve`, with the children of the tests: `python -m tests.children.supervise [--config FILE] ...`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateway.serve import Plan, run


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    parser.add_argument("--demo", action="store_true")
    for option in ("--listen", "--data-dir", "--workers"):
        parser.add_argument(option)
    said = vars(parser.parse_args())
    names = {"listen": "--listen", "data_dir": "--data-dir", "workers": "--workers"}
    options = {option: said[name] for name, option in names.items() if said[name] is not None}
    child = "tests.children.plain"
    return run(Plan(config=said["config"], options=options, demo=said["demo"], worker=child, control=child))


if __name__ == "__main__":
    sys.exit(main())
