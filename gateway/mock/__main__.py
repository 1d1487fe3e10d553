"""`python -m gateway.mock --listen HOST:PORT`: the mock providers without the rest of the program."""

from __future__ import annotations

import argparse
import sys

from gateway.mock.server import run


def main() -> int:
    """Runs until a signal; 1 when the address cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m gateway.mock", description="Mock providers for tests and trials.")
    parser.add_argument("--listen", default="127.0.0.1:9100", metavar="HOST:PORT")
    try:
        run(parser.parse_args().listen)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"the mock cannot start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
