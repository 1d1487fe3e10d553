"""`python -m benchmarks run | formats | soak | compare | report`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import compare, formats, report, results, scenarios, soak
from benchmarks.errors import BenchmarkError
from benchmarks.machine import slug
from benchmarks.peers import PEERS
from benchmarks.places import RESULTS, WORK
from benchmarks.run import Options, run


def main() -> int:
    """The exit status: 0, or 1 with one line on standard error."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        arguments.act(arguments)
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("benchmarks: interrupted, every process ended", file=sys.stderr)
        return 130
    return 0


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)
    runner = commands.add_parser("run", help="measure; a whole run rewrites results/README.md")
    runner.add_argument("--scenario", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    runner.add_argument("--quick", action="store_true", help="one round and short windows: under two minutes")
    runner.add_argument("--peers", default=",".join(PEERS), help=f"some of {', '.join(PEERS)}")
    runner.add_argument("--mock", choices=("native", "python"), default="native", help="which mock provider")
    runner.add_argument("--output", type=Path, help="directory of the result file")
    runner.set_defaults(act=_run)
    pairs = commands.add_parser("formats", help="what translation costs an event, by pair of dialects, without sockets")
    pairs.add_argument("--rounds", type=int, default=7, help="how often each is measured (7)")
    pairs.add_argument("--output", type=Path, help="file for the report, beside printing it")
    pairs.set_defaults(act=_formats)
    long = commands.add_parser("soak", help="half of what the gateway can do, for a long time: what grows?")
    long.add_argument("--minutes", type=float, default=30.0, help="how long (30)")
    long.add_argument("--output", type=Path, help="file for the report, beside printing it")
    long.add_argument("--samples", type=Path, help="CSV file for every look at every process")
    long.set_defaults(act=_soak)
    comparison = commands.add_parser("compare", help="how the ratios to nginx changed from one run to another")
    comparison.add_argument("before", type=Path)
    comparison.add_argument("after", type=Path)
    comparison.add_argument("--force", action="store_true", help="even where machine or versions differ")
    comparison.set_defaults(act=_compare)
    reporter = commands.add_parser("report", help="print the report of a result file")
    reporter.add_argument("result", type=Path)
    reporter.set_defaults(act=_report)
    return parser


def _run(arguments: argparse.Namespace) -> None:
    peers = _peers(arguments.peers)
    chosen = scenarios.select(arguments.scenario, scenarios.load_all())
    found = run(chosen, Options(peers=peers, quick=arguments.quick, mock=arguments.mock))
    whole = not arguments.quick and not arguments.scenario and set(peers) == set(PEERS)
    directory: Path = arguments.output or (RESULTS if whole else WORK)
    path = directory / f"{found.date[:10]}-{slug(found.machine)}.json"
    results.write(found, path)
    text = report.render(found, path.name)
    if whole:
        (directory / "README.md").write_text(text)
    print(text)
    print(f"benchmarks: written to {path}", file=sys.stderr)


def _formats(arguments: argparse.Namespace) -> None:
    text = formats.render(formats.measure(rounds=max(1, arguments.rounds)))
    if arguments.output:
        arguments.output.write_text(text)
    print(text)


def _soak(arguments: argparse.Namespace) -> None:
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as directory:
        seen = soak.soak(max(0.05, arguments.minutes), Path(directory))
    text = soak.render(seen)
    if arguments.output:
        arguments.output.write_text(text + "\n")
    if arguments.samples:
        arguments.samples.write_text(soak.listed(seen))
    print(text)


def _peers(text: str) -> tuple[str, ...]:
    peers = tuple(text.split(","))
    if unknown := set(peers) - set(PEERS):
        raise BenchmarkError(f"no peer called {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    return peers


def _compare(arguments: Any) -> None:
    before, after = results.read(arguments.before), results.read(arguments.after)
    print(compare.render(before, after, force=arguments.force))


def _report(arguments: Any) -> None:
    print(report.render(results.read(arguments.result), arguments.result.name))


if __name__ == "__main__":
    sys.exit(main())
