"""What we ship is whole: the wheel holds the program with its data and nothing else, and runs where only it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway import __version__
from tests.gateway_process import environment, get
from tests.source import PROGRAM, ROOT, tracked
from tests.waiting import until

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(directory), str(ROOT))
    return next(directory.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; what it depends on is taken from the environment of the tests."""
    environment = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = str(environment / "bin" / "python")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    library = next(environment.glob("lib/python*/site-packages"))
    (library / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return environment


@pytest.fixture
def demo(installed: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [str(installed / "bin" / "sluicegate"), "serve", "--demo", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()
    assert process.returncode == 0


def test_the_wheel_holds_the_program_and_nothing_else(wheel: Path) -> None:
    files = {str(path.relative_to(ROOT)) for path in tracked()}
    program = {name for name in files if name.split("/")[0] in PROGRAM}
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == program


def test_the_same_source_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path), str(ROOT))
    (again,) = tmp_path.glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()


def test_the_bill_of_materials_names_what_is_locked(tmp_path: Path) -> None:
    target = tmp_path / "dist" / "sbom.json"
    for _ in range(2):
        run(sys.executable, "requirements/sbom.py", "requirements/full.txt", str(target), cwd=ROOT)
        bill = json.loads(target.read_text(encoding="utf-8"))
        assert {part["name"]: part["version"] for part in bill["components"]} == pins("full.txt")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert all(part["properties"] for part in bill["components"])
    assert set(bill["dependencies"][0]["dependsOn"]) == {part["bom-ref"] for part in bill["components"]}


@pytest.mark.parametrize("pattern", [r"gateway/catalog/providers/\w+\.toml", r"sql/.+\.sql", r"\w+/py\.typed"])
def test_the_wheel_holds_its_data(wheel: Path, pattern: str) -> None:
    assert [name for name in zipfile.ZipFile(wheel).namelist() if re.fullmatch(pattern, name)]


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        folder = f"sluicegate-{__version__}.dist-info"
        metadata = archive.read(f"{folder}/METADATA").decode()
        assert archive.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "Requires-Python: >=3.11" in metadata
    assert "License-Expression: Apache-2.0" in metadata


def test_the_installed_command_runs(installed: Path, tmp_path: Path) -> None:
    said = run(str(installed / "bin" / "sluicegate"), "version", cwd=tmp_path)
    assert __version__ in said
    place = run(str(installed / "bin" / "python"), "-c", "import gateway; print(gateway.__file__)", cwd=tmp_path)
    assert place.startswith(str(installed))


def test_the_installed_gateway_serves_its_demo(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    line = next(line for line in demo.stdout if "curl" in line)
    streamed = run("sh", "-c", f"{line[line.index('curl') :].strip()} -sS --max-time 10 --noproxy '*'")
    assert streamed.startswith("data: {")
    assert streamed.rstrip().endswith("data: [DONE]")
    url = next(line for line in demo.stdout if line.startswith("Open:")).split()[-1]
    assert b"<!doctype html>" in until(lambda: page(url), 10.0)


def test_locked_requirements_are_what_pyproject_asks_for() -> None:
    locked = pins("run.txt")
    for requirement in map(Requirement, PROJECT["project"]["dependencies"]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement
    assert locked.items() <= pins("dev.txt").items()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("dev", PROJECT["dependency-groups"]["dev"]),
        ("build", PROJECT["build-system"]["requires"]),
        ("full", [each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra]),
    ],
)
def test_lists_of_requirements_agree_with_pyproject(name: str, wanted: list[str]) -> None:
    text = (ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line[:1].isalpha()] == wanted
    locked = pins(f"{name}.txt")
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


def page(url: str) -> bytes:
    """The page there, once the control process is up; empty before."""
    with suppress(HTTPError):
        return get(url)
    return b""


def pins(name: str) -> dict[str, str]:
    """Package and version of every locked requirement, each of which must have a hash."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    found = dict(re.findall(r"^([\w.-]+)==(\S+) \\\n +--hash=sha256:", text, flags=re.MULTILINE))
    assert len(found) == len(re.findall(r"^[\w.-]+==", text, flags=re.MULTILINE))
    return {canonicalize_name(each): version for each, version in found.items()}


def run(*command: str, cwd: Path | None = None) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=100)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
