from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings.load import load

KEYS = '[{"name": "a", "key": "sk-12345678"}]'

BAD = {
    "SLUICEGATE_SERVER__WORKRS": ("3", "unknown name `workrs` (did you mean `workers`?)"),
    "SLUICEGATE_SRVER__WORKERS": ("3", "unknown name `srver` (did you mean `server`?)"),
    "SLUICEGATE_SERVER_WORKERS": ("3", "is not a setting (did you mean `SLUICEGATE_SERVER__WORKERS`?)"),
    "SLUICEGATE_SERVER__WORKERS": ("many", "expected a whole number"),
    "SLUICEGATE_SERVER__DRAIN_SECONDS": ("nan", "expected a number"),
    "SLUICEGATE_SERVER__ACCESS_LOG": ("perhaps", "expected true or false"),
    "SLUICEGATE_SERVER__LOG_LEVEL": ("loud", "expected one of"),
    "SLUICEGATE_SERVER__LISTEN": ("8080", "expected HOST:PORT"),
    "SLUICEGATE_SERVER__LISTEN__PORT": ("8080", "`server.listen` has no parts"),
    "SLUICEGATE_CLIENT_KEYS": ("[oops", "written as in JSON or TOML"),
    "SLUICEGATE_CLIENT_KEYS__A__NAME": ("x", "a number belongs here, not `a`"),
    "SLUICEGATE_CLIENT_KEYS__1__NAME": ("x", "has 0 items so far: the next number is 0"),
    "SLUICEGATE_CLIENT_KEYS__0__NAME": ("x", "give exactly one of"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_variable_is_refused_by_its_name(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(SettingsError) as caught:
        load(None, {name: text})
    assert caught.value.key == name
    assert message in caught.value.message


def test_every_kind_of_value_comes_from_the_environment() -> None:
    settings = load(
        None,
        {
            "SLUICEGATE_SERVER__WORKERS": "3",
            "SLUICEGATE_SERVER__DRAIN_SECONDS": "1.5",
            "SLUICEGATE_SERVER__ACCESS_LOG": "false",
            "SLUICEGATE_SERVER__LOG_LEVEL": "debug",
            "SLUICEGATE_SERVER__CORS_ORIGINS": '["https://a.example"]',
            "SLUICEGATE_CLIENT_KEYS__1__NAME": "b",
            "SLUICEGATE_CLIENT_KEYS__1__KEY": "sk-abcdefgh",
            "SLUICEGATE_CLIENT_KEYS__1__MAX_PARALLEL": "7",
            "SLUICEGATE_CLIENT_KEYS": KEYS,
            "SLUICEGATE_PROVIDERS": '[{id = "mine", format = "openai_chat", base_url = "http://h"}]',
            "SLUICEGATE_PROVIDERS__0__HEADERS": '{"x-a": "b"}',
        },
    )
    assert settings.server.workers == 3
    assert settings.server.drain_seconds == 1.5
    assert settings.server.access_log is False
    assert settings.server.cors_origins == ("https://a.example",)
    assert [(key.name, key.key, key.max_parallel) for key in settings.client_keys] == [
        ("a", "sk-12345678", None),
        ("b", "sk-abcdefgh", 7),
    ]
    assert settings.providers[0].headers == {"x-a": "b"}


def test_a_variable_wins_over_the_file_and_an_option_over_both(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[server]\nworkers = 2\n")
    assert load(path, {"SLUICEGATE_SERVER__WORKERS": "3"}).server.workers == 3
    assert load(path, {"SLUICEGATE_SERVER__WORKERS": "3"}, options={"--workers": "4"}).server.workers == 4


def test_a_wrong_option_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match=r"^--listen: expected HOST:PORT"):
        load(None, {"SLUICEGATE_SERVER__LISTEN": "127.0.0.1:1"}, options={"--listen": "here"})
    with pytest.raises(SettingsError, match=r"^--workers: expected a whole number$"):
        load(None, {}, options={"--workers": "x"})


def test_part_of_a_listed_table_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        '[[client_keys]]\nname = "a"\nkey = "sk-12345678"\n[[client_keys]]\nname = "b"\nkey = "sk-abcdefgh"'
    )
    settings = load(path, {"SLUICEGATE_CLIENT_KEYS__1__KEY": "sk-replaced"})
    assert [key.key for key in settings.client_keys] == ["sk-12345678", "sk-replaced"]


def test_a_file_in_the_way_of_a_variable_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("server = 3\n")
    with pytest.raises(SettingsError, match="SLUICEGATE_SERVER__WORKERS: `server` is neither a table nor a list"):
        load(path, {"SLUICEGATE_SERVER__WORKERS": "3"})


def test_the_file_is_named_for_what_it_says_beside_a_variable(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('[server]\nlog_format = "xml"\n')
    with pytest.raises(SettingsError, match=r"a\.toml:2: server\.log_format: expected one of `console`, `json`"):
        load(path, {"SLUICEGATE_SERVER__WORKERS": "3"})


def test_variables_that_an_orchestrator_makes_for_a_service_of_our_name_are_not_ours() -> None:
    load(
        None,
        {"SLUICEGATE_PORT": "tcp://10.0.0.1:80", "SLUICEGATE_SERVICE_HOST": "10.0.0.1", "SLUICEGATE_LEASH_FD": "3"},
    )


def test_no_message_about_a_variable_shows_its_value() -> None:
    for name in ("SLUICEGATE_CLIENT_KEYS", "SLUICEGATE_CLIENT_KEYS__0__KEY", "SLUICEGATE_CLIENT_KEYS__0"):
        with pytest.raises(SettingsError) as caught:
            load(None, {name: "canary ["})
        assert "canary" not in str(caught.value)
