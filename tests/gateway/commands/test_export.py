"""`sluicegate export` and `sluicegate import`: the state into a file, and into another gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.commands import export, import_
from gateway.commands.opening import OPERATOR, perform
from gateway.credentials import passphrase
from gateway.management import configuration, keys
from gateway.management.keys import KeyWish
from gateway.management.office import Office

SECRET = "sk-canary-of-a-command"
WORDS = "correct horse battery staple"

FILE = """
[[providers]]
id = "filed"
format = "openai_chat"
base_url = "http://127.0.0.1:1/v1"
"""


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making a key of one is slow on purpose."""
    monkeypatch.setattr(passphrase, "PASSES", 1)
    monkeypatch.setattr(passphrase, "MEMORY_BYTES", 64 * 1024)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Of a gateway with something in it."""
    place = tmp_path / "data"
    perform((None, str(place)), fill, make=True)
    return place


@pytest.fixture
def words(tmp_path: Path) -> Path:
    file = tmp_path / "words"
    file.write_text(f"{WORDS}\n")
    return file


async def fill(office: Office) -> None:
    await configuration.create_object(office, OPERATOR, "provider", {"id": "openai"})
    values = {"provider": "openai", "name": "one", "api_key": SECRET}
    await configuration.create_object(office, OPERATOR, "credential", values)
    await keys.create_key(office, OPERATOR, KeyWish(name="team"))


def run_export(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(export.command, [*arguments, "--data-dir", str(data_dir)])


def run_import(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(import_.command, [*arguments, "--data-dir", str(data_dir)])


def test_a_document_goes_into_another_data_directory(data_dir: Path, tmp_path: Path, words: Path) -> None:
    file, other = tmp_path / "state.json", tmp_path / "other"
    result = run_export(data_dir, "--output", str(file), "--passphrase-file", str(words))
    assert result.exit_code == 0, result.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert SECRET not in file.read_text()
    result = run_import(other, str(file), "--passphrase-file", str(words))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "configuration: 2 created, 0 changed, 0 removed, 0 unchanged",
        "keys: 1 created, 0 changed, 0 removed, 0 unchanged",
        "users: 0 created, 0 changed, 0 removed, 0 unchanged",
        "teams: 0 created, 0 changed, 0 removed, 0 unchanged",
        "the gateway goes by the document's secret for client keys from its next start on",
    ]
    one, two = (json.loads(run_export(place).stdout) for place in (data_dir, other))
    assert (one["configuration"], one["keys"], one["people"]) == (two["configuration"], two["keys"], two["people"])


def test_a_dry_run_says_what_would_be_done(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text(run_export(data_dir, "--section", "configuration").stdout)
    told = json.loads(run_import(data_dir, str(file), "--dry-run", "--replace", "--json").stdout)
    assert told["configuration"] == {"created": 0, "changed": 0, "removed": 0, "unchanged": 2}
    assert (told["dry_run"], told["keys"], told["users"]) == (True, None, None)


def test_what_the_file_says_counts_too(data_dir: Path, tmp_path: Path) -> None:
    fields = json.loads(run_export(data_dir, "--section", "configuration").stdout)
    spec = {"target": "filed/small"}
    fields["configuration"].append({"kind": "alias", "name": "quick", "position": 1, "spec": spec})
    file, config = tmp_path / "state.json", tmp_path / "sluicegate.toml"
    file.write_text(json.dumps(fields))
    config.write_text(FILE)
    result = run_import(data_dir, str(file))
    assert result.exit_code == 1
    assert "configuration.2.spec.target: The alias `quick`" in result.stderr
    assert run_import(data_dir, str(file), "--config", str(config)).exit_code == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nonsense", "malformed"),
        ("{}", "missing required field `format`"),
        ('{"format": "something else"}', "Invalid"),
        ("[]", "Expected `object`"),
    ],
)
def test_what_is_no_document_is_refused(data_dir: Path, tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(content)
    result = run_import(data_dir, str(file))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"sluicegate: {file}: ")
    assert message in result.stderr


def test_a_passphrase_that_is_short_or_missing_is_refused(data_dir: Path, tmp_path: Path, words: Path) -> None:
    short = tmp_path / "short"
    short.write_text("tiger")
    result = run_export(data_dir, "--passphrase-file", str(short))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the passphrase: Expected `str` of length >= 12" in result.stderr
    assert run_export(data_dir, "--passphrase-file", str(tmp_path / "none")).exit_code == 1
    file = tmp_path / "state.json"
    file.write_text(run_export(data_dir, "--passphrase-file", str(words)).stdout)
    assert "passphrase: The document is sealed by a passphrase" in run_import(data_dir, str(file)).stderr
