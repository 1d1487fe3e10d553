"""What the documentation says is so: generated pages are fresh, links lead somewhere, examples work, names exist."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from docs import generate
from gateway import __version__
from gateway.__main__ import main
from gateway.catalog.presets import PROVIDERS, presets
from gateway.catalog.presets import load as load_presets
from gateway.settings.load import load
from tests.source import ROOT, tracked
from tests.test_architecture import BANNED

PAGES = sorted(path for path in tracked() if path.suffix == ".md" and "templates" not in path.parts)
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

ENVIRONMENT = {
    "TEAM_KEY": "sk-team-of-the-docs",
    "OPENAI_API_KEY": "sk-openai-of-the-docs",
    "VAULT_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "OTEL_EXPORTER_OTLP_HEADERS": "x-team=b",
    "OPS_HOOK": "https://hooks.example.com/of-the-docs",
    "PAGER_KEY": "key-of-the-docs",
    "BUCKET_SECRET": "secret-of-the-docs",
    "SMTP_PASSWORD": "password-of-the-docs",
    "CREDENTIALS_DIRECTORY": "",
}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def test_generated_pages_are_fresh() -> None:
    assert not generate.stale(), "run `make docs`"


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_page_is_listed() -> None:
    listed = set(re.findall(r"\]\(([^)]+)\)", (ROOT / "docs" / "README.md").read_text(encoding="utf-8")))
    pages = {str(page.relative_to(ROOT / "docs")) for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert pages - {"README.md"} <= listed


@each_page
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:gateway|web|sql|tests|docs|deploy|requirements|benchmarks)/[\w./-]+)`", text)
    assert not [name for name in named if not (ROOT / name).exists()]


@each_page
def test_make_targets_that_are_named_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {name for pair in named for name in pair if name} <= targets


@each_page
def test_examples_of_settings_are_valid(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "toml")):
        if text.startswith("# gateway/catalog/providers/"):
            check_preset(text, tmp_path / f"presets{number}")
            continue
        file = tmp_path / f"{number}.toml"
        file.write_text(whole(text), encoding="utf-8")
        (tmp_path / "secret_openai").write_text("sk-openai-of-the-docs", encoding="utf-8")
        load(file, ENVIRONMENT, presets=presets())


def check_preset(text: str, directory: Path) -> None:
    """Raises SettingsError for an example that is none."""
    directory.mkdir()
    shutil.copy(PROVIDERS / "groq.toml", directory)
    (directory / "example.toml").write_text(text, encoding="utf-8")
    load_presets(directory)


def test_the_example_file_is_valid() -> None:
    settings = load(ROOT / "sluicegate.example.toml", ENVIRONMENT, presets=presets())
    assert settings.client_keys
    assert settings.providers


@each_page
def test_examples_of_json_are_json(page: Path) -> None:
    for text in blocks(page, "json"):
        json.loads(text)


@each_page
def test_commands_that_are_named_exist(page: Path) -> None:
    for line in commands(page.read_text(encoding="utf-8")):
        name, *words = shlex.split(line, comments=True)[1:] or [""]
        command = known_commands().get(name)
        if isinstance(command, click.Group) and words:
            command = command.commands.get(words.pop(0))
        assert command is not None, f"there is no command {name!r}: {line}"
        options = {option for each in command.params for option in each.opts}
        assert not [word for word in words if word.startswith("--") and word.split("=")[0] not in options], line


def test_every_command_is_documented() -> None:
    documented = {shlex.split(line)[1] for page in PAGES for line in commands(page.read_text(encoding="utf-8"))}
    assert known_commands().keys() <= documented


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| ([a-z][a-z0-9-]+) \|", text, flags=re.MULTILINE))
    extras = [each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra]
    assert rows == {package(each) for each in (*PROJECT["project"]["dependencies"], *extras)}
    rest = text[text.index("For tests and development") :].lower()
    assert not [
        name
        for each in PROJECT["dependency-groups"]["dev"]
        if each not in extras and (name := package(each)) not in rest
    ]


def test_the_glossary_names_the_words_that_say_nothing() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    said = text[text.index("refuses them:") :].removeprefix("refuses them:")
    assert set(re.findall(r"\w+", said)) | {"helper", "util"} == BANNED


def test_the_changelog_knows_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] in ("Unreleased", __version__)


def blocks(page: Path, language: str) -> Iterator[str]:
    """The fenced blocks of a page that are in this language."""
    yield from re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def whole(text: str) -> str:
    """An excerpt of a configuration, with the table around it where it has none."""
    return text if "[[providers]]" in text else f'[[providers]]\nid = "openai"\n{text}'


def commands(text: str) -> Iterator[str]:
    """Every `sluicegate ...` of a page: in backticks, or as a line of a shell block."""
    yield from re.findall(r"`(sluicegate [a-z][^`]*)`", text)
    for block in re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^(sluicegate [a-z].*)$", block, flags=re.MULTILINE)


def known_commands() -> dict[str, click.Command]:
    context = click.Context(main)
    return {name: found for name in main.list_commands(context) if (found := main.get_command(context, name))}


def package(requirement: str) -> str:
    """The name in a requirement."""
    found = re.match(r"[A-Za-z0-9-]+", requirement)
    assert found is not None
    return found[0]
