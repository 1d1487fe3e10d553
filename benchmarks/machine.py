"""On what a figure was measured: the machine, the versions, and which core does what."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from msgspec import Struct

import gateway
from benchmarks.places import ROOT

PACKAGES = ("granian", "blacksheep", "uvloop", "httptools", "orjson", "httpx")


class Machine(Struct, frozen=True, forbid_unknown_fields=True):
    """What must be the same for two figures to be comparable."""

    cpu: str
    cores: int
    memory_mib: int
    kernel: str


class Cores(Struct, frozen=True, forbid_unknown_fields=True):
    """The cores of a run. Two machines' worth of work on two cores: the peer has one, all else the other, unless
    a scenario wants all of it to be on one machine."""

    peer: tuple[int, ...]
    mock: tuple[int, ...]
    load: tuple[int, ...]

    @property
    def rig(self) -> tuple[int, ...]:
        """Those of mock and load together."""
        return tuple(sorted({*self.mock, *self.load}))


def describe() -> Machine:
    """This machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return Machine(cpu=_cpu_name(), cores=os.cpu_count() or 1, memory_mib=memory, kernel=platform.release())


def versions() -> dict[str, str]:
    """Of everything that decides a figure; the gateway's own is under `gateway`."""
    found = {"gateway": _gateway_version(), "python": platform.python_version(), "nginx": _nginx_version()}
    return found | {package: _package_version(package) for package in PACKAGES}


def between(begin: dict[str, str], end: dict[str, str]) -> dict[str, str]:
    """The versions of a run. Where the two ends differ, the change is told: its figures are of no one version."""
    return {name: old if end[name] == old else f"{old}, in the end {end[name]}" for name, old in begin.items()}


def assign_cores(workers: int, *, together: bool = False) -> Cores:
    """Peers on the first core (as many as workers where there are enough), mock and load on the last ones; `together`
    everything on every core."""
    allowed = sorted(_ALLOWED)
    if together:
        return Cores(peer=tuple(allowed), mock=tuple(allowed), load=tuple(allowed))
    spare = len(allowed) - workers
    peer = tuple(allowed[:workers]) if spare >= 2 else (allowed[0],)
    load = allowed[-2] if len(allowed) - len(peer) >= 2 else allowed[-1]
    return Cores(peer=peer, mock=(allowed[-1],), load=(load,))


# Read before the run pins itself to the cores of the load.
_ALLOWED = frozenset(os.sched_getaffinity(0))


def slug(machine: Machine) -> str:
    """A short name for a file."""
    name = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\(.*?\)|@.*|cpu|processor", " ", machine.cpu.lower())).strip("-")
    return f"{name}-{machine.cores}-cores"


def _cpu_name() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1].strip() if match else platform.machine()


def _package_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _gateway_version() -> str:
    """With the commit it was made of, and whether something was changed since, where that can be told."""
    commit = _said(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"])
    return f"{gateway.__version__} ({commit})" if commit else gateway.__version__


def _nginx_version() -> str:
    return _said(["nginx", "-v"]).rpartition("/")[2] or "absent"


def _said(command: list[str]) -> str:
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
