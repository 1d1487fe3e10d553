from __future__ import annotations

from pathlib import Path

from gateway.catalog.presets import presets
from gateway.settings.demo import add_demo
from gateway.settings.load import Loaded, find_files, read
from gateway.settings.origins import add_demo_origins, path_of

FILE = """\
[stream]
keepalive_seconds = 5.0

[[client_keys]]
name = "team"
key_file  = "team.key"

[[providers]]
id       = "mock"
format   = "openai_chat"
base_url = "http://127.0.0.1:9/v1"
[[providers.credentials]]
name    = "first"
api_key = "canary"

[[providers]]
id = "groq"

[[prices]]
model  = "mock/*"
input  = 1.0
output = 5.0

[[aliases]]
name   = "fast"
target = "mock/x"

[[login.providers]]
id        = "corp"
client_id = "a"
issuer    = "https://id.example.com"
"""


def read_file(directory: Path, environ: dict[str, str]) -> Loaded:
    path = directory / "sluicegate.toml"
    path.write_text(FILE)
    (directory / "team.key").write_text("sk-12345678")
    return read(path, environ, options={"--listen": "127.0.0.1:1"}, presets=presets())


def test_it_is_known_where_everything_was_said(tmp_path: Path) -> None:
    environ = {
        "OPENAI_API_KEY": "sk-x",
        "GROQ_API_KEY": "sk-y",
        "SLUICEGATE_COMBOS": '[{"name": "best", "targets": ["mock/x"]}]',
        "SLUICEGATE_SERVER__CORS_ORIGINS__0": "*",
    }
    assert read_file(tmp_path, environ).origins == {
        "stream.keepalive_seconds": "sluicegate.toml:2",
        "client_keys.team": "sluicegate.toml:4",
        "providers.mock": "sluicegate.toml:8",
        "credentials.mock/first": "sluicegate.toml:12",
        "providers.groq": "sluicegate.toml:16",
        "credentials.groq/GROQ_API_KEY": "environment variable GROQ_API_KEY",
        "providers.openai": "environment variable OPENAI_API_KEY",
        "credentials.openai/OPENAI_API_KEY": "environment variable OPENAI_API_KEY",
        "prices.mock/*": "sluicegate.toml:19",
        "aliases.fast": "sluicegate.toml:24",
        "login.providers": "sluicegate.toml:28",
        "combos.best": "SLUICEGATE_COMBOS",
        "server.cors_origins": "SLUICEGATE_SERVER__CORS_ORIGINS__0",
        "server.listen": "--listen",
    }


def test_what_nobody_said_is_the_demo_s(tmp_path: Path) -> None:
    loaded = read_file(tmp_path, {"GROQ_API_KEY": "sk-y"})
    origins = add_demo_origins(loaded.origins, add_demo(loaded.settings, "http://127.0.0.1:9"))
    assert origins["client_keys.demo"] == origins["combos.best"] == "demo"
    assert origins["aliases.fast"] == "sluicegate.toml:24"


def test_an_object_of_the_database_has_the_path_of_its_kind() -> None:
    assert path_of("credential", "mock/first") == "credentials.mock/first"
    assert path_of("setting", "stream.keepalive_seconds") == "stream.keepalive_seconds"


def test_the_files_that_were_read_are_known_also_when_they_are_wrong(tmp_path: Path) -> None:
    read_files = (tmp_path / "sluicegate.toml", tmp_path / "team.key")
    assert read_file(tmp_path, {"GROQ_API_KEY": "sk-y"}).files == read_files
    (tmp_path / "team.key").unlink()
    assert find_files(read_files[0], {}) == read_files
    read_files[0].write_text("[sever]")
    assert find_files(read_files[0], {}) == read_files[:1]
    assert find_files(None, {}) == ()
