"""The two C programs, compiled when they are needed. Knows the compiler, not what the programs do."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.places import BUILD, NATIVE

OPTIONS = ("-O2", "-Wall", "-Wextra", "-std=gnu11")


def program(name: str) -> Path:
    """The executable made of `native/<name>.c`; compiled unless that very source has been. Raises `BenchmarkError`."""
    source = NATIVE / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes() + " ".join(OPTIONS).encode()).hexdigest()[:12]
    executable = BUILD / f"{name}-{digest}"
    if not executable.exists():
        _compile(source, executable)
    return executable


def _compile(source: Path, executable: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise BenchmarkError("no C compiler found: the load generator needs `cc` (Debian: apt install gcc libc6-dev)")
    executable.parent.mkdir(parents=True, exist_ok=True)
    unfinished = executable.with_suffix(".unfinished")
    command = [compiler, *OPTIONS, "-o", str(unfinished), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BenchmarkError(f"{' '.join(command)} failed:\n{result.stderr}")
    unfinished.replace(executable)
