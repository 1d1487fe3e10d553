"""Our own source, as tests of its shape need it: modules, what each imports, what each defines. It judges nothing."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = ("gateway", "web", "sql", "benchmarks", "tests", "docs")
PROGRAM = ("gateway", "web", "sql")

NOT_OURS = frozenset(("__pycache__", ".build", "cases", "node_modules"))
"""Folders whose Python is not part of the program: `cases` are test vectors with a comparator of their own, and
`node_modules` is what tests install."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file."""

    name: str
    """Dotted name, e.g. `gateway.outbound.pool`."""
    path: Path
    text: str
    tree: ast.Module
    is_package: bool

    @property
    def unit(self) -> str:
        """What the import table has a row for: `outbound` of `gateway.outbound.pool`, or the top-level package."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "gateway" and len(parts) > 1 else parts[0]

    def __str__(self) -> str:
        return self.name


@cache
def read(path: Path) -> Module:
    """The module in a file of the repository."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    text = path.read_text(encoding="utf-8")
    return Module(".".join(parts[:-1] if is_package else parts), path, text, ast.parse(text, str(path)), is_package)


@cache
def modules(*packages: str) -> tuple[Module, ...]:
    """Every module of the packages, in order of name."""
    files = (path for package in packages for path in sorted((ROOT / package).rglob("*.py")))
    return tuple(read(path) for path in files if not NOT_OURS.intersection(path.parts))


@cache
def imports(module: Module) -> tuple[str, ...]:
    """Dotted names a module imports, wherever the statement stands; relative ones made absolute."""
    return tuple(_imports(module))


def _imports(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from imported_from(module, node)


def imported_from(module: Module, node: ast.ImportFrom) -> Iterator[str]:
    """`from a import b` names `a.b`: b may be a module, and where it is not, `a.b` still tells the package."""
    parts = module.name.split(".")
    if node.level:
        keep = len(parts) - node.level + (1 if module.is_package else 0)
        origin = ".".join([*parts[:keep], *([node.module] if node.module else [])])
    else:
        origin = node.module or ""
    yield from (f"{origin}.{alias.name}" for alias in node.names)


def unit_of(name: str) -> str | None:
    """The row of the import table a dotted name belongs to; none for other people's packages."""
    parts = name.split(".")
    if parts[0] not in OURS:
        return None
    if parts[0] != "gateway":
        return parts[0]
    return parts[1] if len(parts) > 1 and not parts[1].startswith("__version") else "gateway"


def functions(module: Module) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def classes(module: Module) -> Iterator[ast.ClassDef]:
    """Every class."""
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))


def length(node: Function) -> int:
    """Lines of a function without its decorators and its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


@cache
def tracked() -> tuple[Path, ...]:
    """Files of the repository: what git knows, and what it would take in."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return tuple(path for name in names if name and (path := ROOT / name).is_file())
