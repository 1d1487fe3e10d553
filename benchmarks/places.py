"""Where the suite keeps its files. Nothing outside `benchmarks/` is written."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SCENARIOS = HERE / "scenarios"
NATIVE = HERE / "native"
BUILD = HERE / ".build"
WORK = HERE / ".work"
RESULTS = HERE / "results"
