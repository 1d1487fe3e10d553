"""The shape of the program, as a test: who may import whom, what is pure, where each library lives, names and sizes.

The tables are the rules. A new package, a library's home or an exception from a size gets its row here, with a reason.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator

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

GROUND = ("records", "errors", "settings", "logs")
DOMAIN = ("formats", "catalog", "routing", "usage", "access")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    # Ground: nothing of ours, but settings raise our errors and logs go by the settings' words for levels.
    "gateway": (),
    "records": (),
    "errors": (),
    "sql": (),
    "settings": ("errors",),
    "logs": ("settings",),
    "browsers": ("settings",),
    # BlackSheep's application.
    "application": (),
    # Ground of the processes: what ties them together, and what each does before it is one.
    "leash": ("settings",),
    "claims": ("settings", "errors", "logs"),
    "begin": (),
    "end": ("logs",),
    "turns": (),
    "cores": (),
    "threads": (),
    "child": ("end", "leash", *GROUND),
    "supervised": ("leash", "logs"),
    "reloading": ("errors", "leash", "logs", "settings", "supervised"),
    # Memory that the processes of one machine share, and what they know together in it.
    "shared": ("logs",),
    "pools": ("logs", "records", "routing", "settings", "shared"),
    # Counted on this machine in that memory, or with others in Redis; who does which is one setting.
    "limits": (*GROUND, "shared"),
    # Domain: never each other. Ingest has statements, and is handed the store.
    "formats": ("records", "errors"),
    "catalog": ("records", "errors"),
    "routing": ("records", "errors"),
    "access": ("records", "errors", "settings"),
    "usage": (*GROUND, "sql"),
    "observe": GROUND,
    # What exchanges leave for tracing goes out by a door; which trace one belongs to, the relay must know.
    "traces": (*GROUND, "outbound"),
    # Doors: the network, the databases.
    "outbound": ("records", "errors", "settings"),
    "store": (*GROUND, "sql", "threads"),
    # What becomes of usage records in the end; and everything about them in one hand, for the process that has them.
    "upkeep": (*GROUND, "sql", "store", "usage"),
    # The bucket is loaded only where one is wanted.
    "usage_store": (*GROUND, "outbound", "store", "upkeep", "usage"),
    # A library too large for the workers.
    "tokenizer": ("errors",),
    # The loop: neither store nor web framework.
    # It shows providers who we are: tokens are asked for and requests signed with what `credentials` knows.
    "relay": (*DOMAIN, *GROUND, "credentials", "limits", "outbound", "pools", "traces"),
    # What the relay would do with a request, by its own decisions; nothing is sent.
    "explaining": (*DOMAIN, *GROUND, "limits", "relay"),
    # What is sealed and the key to it, for whoever may open it; what secrets are exchanged for.
    "credentials": ("records", "errors", "logs"),
    "unlock": (*GROUND, "credentials", "store"),
    # What was said, sealed in files: written by workers, read by whoever is allowed to.
    "captures": (*GROUND, "credentials"),
    # A worker's captures: as settings and the key in the state let the relay take them.
    "capturing": (*GROUND, "captures", "credentials", "relay", "store", "unlock"),
    # What is wrong: judged by figures that are handed in, kept in the state, told by the doors.
    "alerts": (*GROUND, "outbound", "store"),
    # Changes of the state: below every surface that makes them.
    # The test of a credential asks a provider as a worker would.
    "management": (
        *DOMAIN,
        *GROUND,
        "alerts",
        "assemble",
        "captures",
        "credentials",
        "limits",
        "outbound",
        "pools",
        "store",
        "unlock",
    ),
    # A made-up company: made in the state as anybody makes it, and as requests that it would have left.
    # What was said in them is translated and sealed as what is captured.
    "seeding": (
        *(*GROUND, "access", "captures", "catalog", "claims", "credentials", "formats", "management", "sql", "store"),
        *("unlock", "usage"),
    ),
    "current": (*GROUND, "catalog", "credentials", "management", "store"),
    "logins": (*GROUND, "access", "management", "outbound"),
    # Surfaces: only `api` knows the relay; `web` never touches relay, formats, routing, outbound.
    "api": (
        *(
            *DOMAIN,
            *GROUND,
            "alerts",
            "application",
            "assemble",
            "browsers",
            "credentials",
            "explaining",
            "live",
            "management",
            "observe",
        ),
        *("oversight", "pools", "relay", "store", "unlock", "upkeep"),
    ),
    # What there is to be asked for and what would become of it, for pages: they know neither how it is found out nor
    # how the API asks for it.
    # The gateway as its own client, for whoever tries it out on a page.
    "playing": ("captures", "claims", "errors", "logs", "outbound", "records", "settings"),
    "foresight": ("api", "errors", "management", "records"),
    "web": (*GROUND, "access", "browsers", "catalog", "live", "management", "store", "turns", "usage"),
    # What was spent, for whoever counts limits; pools and limits, for the process that uses neither.
    "ledger": (*GROUND, "limits"),
    "oversight": (*GROUND, "ledger", "limits", "pools", "shared", "store"),
    # Where the figures that alerts are judged by come from.
    "lookout": (
        *(*GROUND, "alerts", "ledger", "limits", "management", "oversight", "pools", "routing", "store", "usage"),
    ),
    # How the gateway is doing, for whoever looks after it.
    "inspection": (*GROUND, "leash", "live", "management", "observe", "oversight", "store", "upkeep"),
    "jobs": (*GROUND, "access", "catalog", "sql", "store", "upkeep", "usage"),
    # What runs and what has just ended: told by workers, put together by the control process. Of the relay it only
    # reads what an exchange is like; `stream` is for pages and the API alike.
    "live": (*GROUND, "relay", "usage"),
    # A provider to test against: it knows nothing of the gateway.
    "mock": (),
    # From settings to what the relay goes by.
    "assemble": (*DOMAIN, *GROUND, "outbound"),
    # Between the state and the workers: what they go by, and when keys were used.
    "uses": (*GROUND, "store"),
    # Prices as a file of this machine: fetched by control, followed by workers.
    "registry": (*GROUND, "catalog", "outbound", "store"),
    # Lists of models as a file of this machine: asked for by control, in the words of the relay; followed by workers.
    "listing": (*GROUND, "catalog", "formats", "outbound", "relay", "routing", "store"),
    "freshness": (*GROUND, "access", "credentials", "management", "store", "unlock"),
    # Roots put the rest together. Only control knows the dashboard and the analytics store; the supervisor serves
    # nothing itself, but brings the state up to date before anybody opens it.
    "worker": (
        *(*DOMAIN, *GROUND, "api", "assemble", "child", "freshness", "leash", "observe", "outbound", "relay"),
        *("capturing", "limits", "listing", "live", "pools", "registry", "shared", "store", "traces", "uses"),
    ),
    "control": (
        *(*DOMAIN, *GROUND, "api", "application", "assemble", "browsers", "captures", "child", "cores", "threads"),
        *("current", "explaining", "foresight"),
        *("inspection", "jobs", "leash", "listing", "live", "logins", "lookout", "management", "observe"),
        "operator_token",
        *(
            "outbound",
            "oversight",
            "playing",
            "registry",
            "seeding",
            "store",
            "tokenizer",
            "turns",
            "unlock",
            "upkeep",
            "usage_store",
        ),
        "web",
    ),
    # Who asks in a demo: as the made-up company would, and only where one was made.
    "traffic": ("claims", "seeding", "settings"),
    # Who the operator is, as far as files say it.
    "operator_token": (),
    "demo": ("end", "leash", "mock", "settings", "traffic"),
    "first_owner": ("management", "settings"),
    "serve": (
        *(*GROUND, "catalog", "claims", "credentials", "leash", "reloading", "shared", "store", "supervised", "unlock"),
    ),
    "operator": (*GROUND, "claims"),
    "commands": (
        *GROUND,
        *("access", "catalog", "claims", "credentials", "formats", "management", "mock", "operator", "serve", "store"),
        *("seeding", "unlock", "upkeep", "usage", "usage_store"),
    ),
    "__main__": ("commands",),
}

PURE: tuple[str, ...] = (
    "gateway.formats",
    "gateway.catalog",
    "gateway.routing",
    "gateway.relay.compose",
    "gateway.usage.meter",
)
PURE += tuple(f"gateway.limits.{name}" for name in ("headers", "judging", "limiter", "periods", "refusals", "rules"))
PURE += ("gateway.limits.sheet", "gateway.relay.dialects", "gateway.relay.masking")
PURE += tuple(f"gateway.alerts.{name}" for name in ("course", "figures", "numbers", "rules", "wording"))
PURE += ("gateway.explaining", "gateway.relay.prospects")
PURE += ("gateway.credentials.aws", "gateway.credentials.google", "gateway.credentials.grants")
IMPURE = {"asyncio", "time", "random", "secrets", "os", "socket", "threading", "logging", "structlog", "subprocess"}

HOMES: dict[str, tuple[str, ...]] = {
    "granian": ("gateway.child",),
    "apscheduler": ("gateway.jobs",),
    "duckdb": ("gateway.store.analytics", "gateway.store.asking", "gateway.upkeep", "gateway.usage.ingest"),
    "sqlite3": ("gateway.store.sqlite",),
    "psycopg": ("gateway.store.postgres",),
    "redis": ("gateway.limits.redis_link",),
    "hiredis": ("gateway.limits.redis_link",),
    "httpx": ("gateway.outbound.client",),
    "bcrypt": ("gateway.access.passwords",),
    "nacl": ("gateway.access.passwords", "gateway.credentials.passphrase", "gateway.credentials.vault"),
    "authlib": ("gateway.access.oidc.tokens",),
    "joserfc": ("gateway.access.oidc.tokens", "gateway.credentials.signing"),
    "jinja2": ("web.page",),
    "blacksheep": ("gateway.api", "gateway.application", "gateway.control", "gateway.worker", "web"),
    "uvloop": ("gateway.outbound", "gateway.mock", "gateway.child"),
    "httptools": ("gateway.outbound", "gateway.mock"),
    "python_socks": ("gateway.outbound.socks",),
    "structlog": ("gateway.logs",),
    "bpe_openai": ("gateway.tokenizer",),
    "smtplib": ("gateway.outbound.mail",),
    "obstore": ("gateway.outbound.bucket",),
    "re2": ("gateway.settings.expressions",),
    "opentelemetry": ("gateway.traces.otlp",),
    "google": ("gateway.traces.otlp",),
}

IMPORTED_AS = {"google-re2": "re2", "pynacl": "nacl"}
"""Names of packages that are not those of their modules."""

UNUSED_YET: dict[str, str] = {"tzdata": "zoneinfo reads it where the machine has no time zones of its own"}
"""Dependencies that no module imports, each with the reason."""

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


def test_imports_point_downwards_only() -> None:
    wrong = [f"{module} imports {name}" for module, name, unit in our_imports() if unit not in allowed(module)]
    assert not wrong


def test_every_package_has_a_row_in_the_import_table() -> None:
    units = {module.unit for module in modules(*PROGRAM)}
    assert units == MAY_IMPORT.keys()


def test_the_import_table_has_no_circle() -> None:
    done: set[str] = set()
    while ready := {unit for unit, row in MAY_IMPORT.items() if unit not in done and done.issuperset(row)}:
        done |= ready
    assert done == set(MAY_IMPORT)


def test_nothing_of_the_program_imports_tests_or_benchmarks() -> None:
    outside = set(OURS) - set(PROGRAM)
    assert not [f"{module} imports {name}" for module, name, unit in our_imports() if unit in outside]


def test_what_is_called_pure_is_pure() -> None:
    pure = [module for module in modules(*PROGRAM) if is_within(module.name, PURE)]
    wrong = [f"{module} imports {name}" for module in pure for name in imports(module) if library(name) in IMPURE]
    assert not wrong, "hand in what they need instead"


def test_every_library_has_one_home() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in modules(*PROGRAM)
        for name in imports(module)
        if library(name) in HOMES and not is_within(module.name, HOMES[library(name)])
    ]
    assert not wrong


def test_every_dependency_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=]", each)[0] for each in project["dependencies"]}
    wanted = {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names}
    used = {library(name) for module in modules(*PROGRAM) for name in imports(module)}
    assert wanted - used == UNUSED_YET.keys()


def test_a_module_says_what_it_knows() -> None:
    silent = [module for module in modules(*OURS) if module.text.strip() and not ast.get_docstring(module.tree)]
    assert not [str(module) for module in silent if not module.name.startswith("tests.")]


def test_names_are_words_of_the_field() -> None:
    wrong = [
        f"{module}: {name}"
        for module in modules(*OURS)
        for name in (module.name.rsplit(".", 1)[-1], *(each.name for each in classes(module)))
        if words(name) & BANNED
    ]
    assert not wrong, "these say nothing; docs/glossary.md has the vocabulary"


def test_a_module_is_at_most_400_lines() -> None:
    long = {str(module) for module in modules(*OURS) if module.text.count("\n") > 400}
    assert long == LONG_MODULES.keys(), "split it at a seam, or take its exception back"


def test_a_function_is_at_most_40_lines() -> None:
    every = ((f"{module}.{each.name}", each) for module in modules(*PROGRAM) for each in functions(module))
    assert {name for name, each in every if length(each) > 40} == LONG_FUNCTIONS.keys(), "a seam waits to be found"


def test_a_function_takes_at_most_five_things() -> None:
    every = ((f"{module}.{each.name}", each) for module in modules(*PROGRAM) for each in functions(module))
    assert not [name for name, each in every if len(parameters(each)) > 5]


@pytest.mark.parametrize("what", FORBIDDEN_TEXT)
def test_no_file_contains(what: str) -> None:
    pattern = FORBIDDEN_TEXT[what]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found


def test_locked_requirements_name_no_address() -> None:
    option = re.compile(r"\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b")
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if option.match(line) or "://" in line]


def our_imports() -> Iterator[tuple[Module, str, str]]:
    """Module, imported name and its row in the table, for every import of something of ours."""
    for module in modules(*PROGRAM):
        for name in imports(module):
            if (unit := unit_of(name)) is not None:
                yield module, name, unit


def allowed(module: Module) -> set[str]:
    """What a module may import; everybody may import itself and the version."""
    return {*MAY_IMPORT.get(module.unit, ()), module.unit, "gateway"}


def library(name: str) -> str:
    """The distribution's package that a dotted name begins with."""
    return name.partition(".")[0]


def is_within(name: str, homes: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of these, or below one."""
    return any(name == home or name.startswith(f"{home}.") for home in homes)


def words(name: str) -> set[str]:
    """`UsageHandler` and `usage_handler` are both usage and handler."""
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_"))


def parameters(function: Function) -> list[str]:
    """What a caller hands in."""
    given = [each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return given[1:] if given[:1] in (["self"], ["cls"]) else given
