"""The shape of the program, as a test: who may import whom, what is pure, where each library lives, names and sizes.

The tables are the rules. A new package, a home of a library or an exception from a size gets its row here, with a reason.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.source import (
    OURS,
    PROGRAM,
    ROOT,
    Function,
    Module,
    classes,
    functions,
    imports,
    length,
    modules,
    tracked,
    unit_of,
)

GROUND = ("records", "errors", "settings", "logs", "sql")
DOMAIN = ("formats", "catalog", "routing", "usage", "access", "observe")
DOORS = ("outbound", "store")
PROCESS = ("leash", "child", "claims", "supervised")
RELAY_SIDE = (*GROUND, *DOMAIN, "outbound", "relay", "api", "leash", "child")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    # Ground. `logs` goes by the settings' words for levels.
    "gateway": (),
    "records": (),
    "errors": (),
    "settings": ("errors",),
    "logs": ("settings",),
    "sql": (),
    # Ground of the processes.
    "leash": ("settings",),
    "child": ("leash", "settings", "errors", "logs"),
    "claims": ("settings", "errors", "logs"),
    "supervised": ("leash", "logs"),
    # Domain: never each other.
    "formats": ("records", "errors"),
    "catalog": ("records", "errors", "settings"),
    "routing": ("records", "errors", "settings"),
    "usage": ("records", "errors", "settings", "logs", "sql"),
    "access": ("records", "errors", "settings"),
    "observe": ("records", "errors", "settings", "logs"),
    # Doors to the network and to the databases.
    "outbound": ("records", "errors", "settings"),
    "store": ("records", "errors", "settings", "logs", "sql"),
    # The loop: not store.
    "relay": (*DOMAIN, "outbound", "records", "errors", "settings", "logs"),
    # Surfaces. `web` never touches relay, formats, routing, outbound.
    "api": (*GROUND, *DOMAIN, "store", "relay", "outbound"),
    "jobs": (*GROUND, "store", "access", "usage", "catalog"),
    "web": (*GROUND, "store", "access", "usage", "catalog"),
    # A provider to test against: it knows nothing of the gateway.
    "mock": ("records", "errors"),
    # Roots put the rest together. A worker knows neither store nor dashboard; the supervisor serves nothing itself.
    "worker": RELAY_SIDE,
    "control": (*RELAY_SIDE, "store", "jobs", "web"),
    "demo": ("mock", "leash", "logs"),
    "serve": ("gateway", *GROUND, *PROCESS, "catalog"),
    "__main__": (*GROUND, *DOMAIN, *PROCESS, "outbound", "serve", "mock"),
}

PURE = ("gateway.formats", "gateway.catalog", "gateway.routing", "gateway.relay.compose", "gateway.usage.meter")
IMPURE = {"asyncio", "time", "random", "secrets", "os", "socket", "threading", "logging", "structlog", "subprocess"}

HOMES: dict[str, tuple[str, ...]] = {
    "granian": ("gateway.child",),
    "apscheduler": ("gateway.jobs",),
    "duckdb": ("gateway.store.analytics", "gateway.usage.ingest"),
    "httpx": ("gateway.outbound.client", "gateway.__main__"),
    "jinja2": ("web.page",),
    "blacksheep": ("gateway.api", "gateway.worker", "gateway.control", "web"),
    "uvloop": ("gateway.outbound", "gateway.mock", "gateway.child"),
    "httptools": ("gateway.outbound", "gateway.mock"),
    "python_socks": ("gateway.outbound",),
    "prometheus_client": ("gateway.api",),
}

BANNED = {"auth", "base", "common", "core", "data", "handler", "helper", "helpers", "info", "manager", "misc"}
BANNED |= {"processor", "route", "service", "util", "utils"}

LONG_MODULES: dict[str, str] = {}
"""Modules over 400 lines, each with the reason why it is one piece."""

LONG_FUNCTIONS: dict[str, str] = {}
"""Functions over 40 lines, each with the reason why it is one piece."""

FORBIDDEN_TEXT = {
    "a package registry's host": re.compile(
        r"pypi\.(?:org|io)|python" r"hosted\.org|registry\.npm" r"js|crates" r"\.io", re.I
    ),
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(?:work" r"/|root" r"/|home" r"/\w|Users" r"/\w)"),
}
"""Cut in two where a pattern would find itself."""

everywhere = pytest.mark.parametrize("module", modules(*PROGRAM), ids=str)
everywhere_and_tests = pytest.mark.parametrize("module", modules(*OURS), ids=str)


@everywhere
def test_imports_point_downwards_only(module: Module) -> None:
    assert module.unit in MAY_IMPORT, f"{module.unit} has no row in MAY_IMPORT"
    allowed = {*MAY_IMPORT[module.unit], module.unit, "gateway"}
    wrong = {name for name in imports(module) if (unit := unit_of(name)) is not None and unit not in allowed}
    assert not wrong, f"{module} may import {sorted(allowed)}, not {sorted(wrong)}"


def test_the_import_table_has_no_circle() -> None:
    rows = {unit: set(row) for unit, row in MAY_IMPORT.items()}
    done: set[str] = set()
    while ready := {unit for unit, row in rows.items() if unit not in done and row <= done}:
        done |= ready
    assert done == set(rows)


@everywhere
def test_what_is_called_pure_is_pure(module: Module) -> None:
    if is_within(module.name, PURE):
        wrong = {name for name in imports(module) if name.split(".")[0] in IMPURE}
        assert not wrong, f"{module} is pure: hand in what it needs instead of {sorted(wrong)}"


@everywhere
def test_every_library_has_one_home(module: Module) -> None:
    libraries = {name.split(".")[0] for name in imports(module)}
    wrong = {library for library in libraries & HOMES.keys() if not is_within(module.name, HOMES[library])}
    assert not wrong, (
        f"{module} imports {sorted(wrong)}, whose homes are {[HOMES[library] for library in sorted(wrong)]}"
    )


@everywhere
def test_nothing_of_the_program_imports_tests_or_benchmarks(module: Module) -> None:
    assert not {name for name in imports(module) if name.split(".")[0] in {"tests", "benchmarks", "docs", "pytest"}}


@everywhere_and_tests
def test_a_module_says_what_it_knows(module: Module) -> None:
    if module.text.strip() and not is_test(module):
        assert ast.get_docstring(module.tree), f"{module} has no docstring"


@everywhere_and_tests
def test_names_are_words_of_the_field(module: Module) -> None:
    names = [module.name.rsplit(".", 1)[-1], *(each.name for each in classes(module))]
    wrong = [name for name in names if words(name) & BANNED]
    assert not wrong, f"{module}: {wrong} say nothing; see the vocabulary in docs/glossary.md"


@everywhere_and_tests
def test_a_module_is_at_most_400_lines(module: Module) -> None:
    lines = module.text.count("\n")
    assert lines <= 400 or str(module) in LONG_MODULES, f"{module} has {lines} lines: split it at a seam"


@everywhere
def test_a_function_is_at_most_40_lines(module: Module) -> None:
    long = {f"{module}.{each.name}": length(each) for each in functions(module) if length(each) > 40}
    assert not long.keys() - LONG_FUNCTIONS.keys(), f"a table or a seam waits to be found in {long}"


@everywhere
def test_a_function_takes_at_most_five_things(module: Module) -> None:
    wrong = {each.name: count for each in functions(module) if (count := len(parameters(each))) > 5}
    assert not wrong, f"{module}: {wrong}"


def test_exceptions_are_still_needed() -> None:
    everything = {str(module): module for module in modules(*OURS)}
    lengths = {f"{module}.{each.name}": length(each) for module in everything.values() for each in functions(module)}
    stale = [name for name in LONG_MODULES if name not in everything or everything[name].text.count("\n") <= 400]
    stale += [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= 40]
    assert not stale, f"these exceptions can go: {stale}"


@pytest.mark.parametrize("what", FORBIDDEN_TEXT)
def test_no_file_contains(what: str) -> None:
    pattern = FORBIDDEN_TEXT[what]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"{what} in {found}"


def test_locked_requirements_name_no_address() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [
            line for line in lines if re.match(r"\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", line)
        ]
        assert not [line for line in lines if "://" in line]


def is_within(name: str, homes: tuple[str, ...]) -> bool:
    return any(name == home or name.startswith(f"{home}.") for home in homes)


def is_test(module: Module) -> bool:
    return module.name.split(".")[0] == "tests"


def words(name: str) -> set[str]:
    """`UsageHandler` and `usage_handler` are both usage and handler."""
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_"))


def parameters(function: Function) -> list[str]:
    """What a caller hands in."""
    given = [each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return given[1:] if given[:1] in (["self"], ["cls"]) else given
