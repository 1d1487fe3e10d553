"""Who is told of alerts, as file and database say it: secrets apart, and nothing that cannot work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import SettingsError
from gateway.settings.alerting import ALERT_KINDS, AlertSettings
from gateway.settings.load import find_files, load
from gateway.settings.model import Settings
from gateway.settings.overlay import overlay
from gateway.settings.stored import SETTINGS, StoredObject, part, tables_within, whole

HOOK = "https://hooks.example.com/services/canary?x=1"
MAIL = '[alerts.email]\nhost = "mail.example.com"\nsender = "gateway@example.com"\nto = ["ops@example.com"]\n'


def load_text(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "a.toml"
    path.write_text(text)
    return load(path, environ or {})


def hook_said(how: str) -> str:
    return f'[[alerts.webhooks]]\nname = "ops"\n{how}\n'


def test_as_it_comes_everything_is_watched_and_nobody_is_told(tmp_path: Path) -> None:
    alerts = load_text(tmp_path, "").alerts
    assert alerts == AlertSettings()
    assert (alerts.webhooks, alerts.email.host) == ((), "")
    assert alerts.budget_percent == (80, 100)


@pytest.mark.parametrize("name", ["url", "secret"])
def test_address_and_key_of_a_webhook_come_from_wherever_secrets_do(name: str, tmp_path: Path) -> None:
    value = HOOK if name == "url" else "canary of a key"
    (tmp_path / "said").write_text(f"{value}\n")
    other = "" if name == "url" else f'url = "{HOOK}"\n'
    for how in (f'{name} = "{value}"', f'{name}_env = "V"', f'{name}_file = "said"'):
        settings = load_text(tmp_path, hook_said(other + how), {"V": value})
        assert getattr(settings.alerts.webhooks[0], name) == value
    files = find_files(tmp_path / "a.toml", {})
    assert tmp_path / "said" in files, "it is watched as well"


def test_the_password_of_the_mail_server_comes_from_wherever_secrets_do(tmp_path: Path) -> None:
    (tmp_path / "said").write_text("canary\n")
    for how in ('password = "canary"', 'password_env = "V"', 'password_file = "said"'):
        settings = load_text(tmp_path, f'{MAIL}user = "us"\n{how}\n', {"V": "canary"})
        assert settings.alerts.email.password == "canary"
    assert tmp_path / "said" in find_files(tmp_path / "a.toml", {})


def test_variables_say_it_too(tmp_path: Path) -> None:
    environ = {"SLUICEGATE_ALERTS__EMAIL__PASSWORD": "canary", "SLUICEGATE_ALERTS__ERROR_PERCENT": "50"}
    alerts = load_text(tmp_path, f'{MAIL}user = "us"\n', environ).alerts
    assert (alerts.email.password, alerts.error_percent) == ("canary", 50)


def test_nobody_sees_a_secret_in_what_is_printed(tmp_path: Path) -> None:
    said = hook_said(f'url = "{HOOK}"\nsecret = "canary"') + f'{MAIL}user = "us"\npassword = "canary"\n'
    assert "canary" not in repr(load_text(tmp_path, said))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (hook_said(""), "alerts.webhooks[0]: give exactly one of `url`, `url_env` and `url_file`"),
        (hook_said('url = "ftp://a.example"'), "alerts.webhooks[0].url: expected an http:// or https:// address"),
        (hook_said('url = "https://us:canary@a.example"'), "alerts.webhooks[0].url: an address that is told holds"),
        (hook_said('url = "https://a.example/#canary"'), "alerts.webhooks[0].url: an address that is told holds"),
        (hook_said('url = "https://a b"'), "alerts.webhooks[0].url: an address holds printable"),
        (hook_said(f'url = "{HOOK}"\nkinds = ["weather"]'), "alerts.webhooks[0].kinds[0]: expected one of"),
        (hook_said(f'url = "{HOOK}"\nformat = "xml"'), "alerts.webhooks[0].format: expected one of `json`, `slack`"),
        (hook_said(f'url = "{HOOK}"') * 2, "alerts.webhooks[1].name: `ops` is there twice"),
        ('[alerts.email]\nhost = "mail.example.com"\n', "alerts.email.sender: expected an e-mail address"),
        (MAIL.replace('["ops@example.com"]', "[]"), "alerts.email.to: say whom mails go to"),
        (MAIL.replace("ops@example.com", "ops"), "alerts.email.to[0]: expected an e-mail address"),
        (MAIL.replace("ops@example.com", "o@a.b\\nBcc: x@y.z"), "alerts.email.to[0]: expected an e-mail address"),
        (MAIL.replace("mail.example.com", "smtp://mail"), "alerts.email.host: expected the name or the IP address"),
        (MAIL.replace("mail.example.com", "mail:25"), "alerts.email.host: expected the name or the IP address"),
        (f'{MAIL}user = "us"\n', "alerts.email: a `user` has a `password`"),
        (f'{MAIL}password = "canary"\n', "alerts.email: a `user` has a `password`"),
        (
            f'{MAIL}security = "none"\nuser = "us"\npassword = "canary"\n',
            "alerts.email.security: a password is not sent",
        ),
        ("[alerts]\nbudget_percent = [0]\n", "alerts.budget_percent[0]: expected a whole number >= 1"),
        ("[alerts]\ndisk_percent = [101]\n", "alerts.disk_percent[0]: expected a whole number <= 100"),
        ("[alerts]\ncalm_minutes = -1\n", "alerts.calm_minutes: expected a number >= 0"),
        ("[alerts]\nwebhook = []\n", "alerts.webhook: unknown name (did you mean `webhooks`?)"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(said: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, said)
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_mail_server_of_this_machine_may_be_told_a_password_without_tls(host: str, tmp_path: Path) -> None:
    said = MAIL.replace("mail.example.com", host)
    load_text(tmp_path, f'{said}security = "none"\nuser = "us"\npassword = "canary"\n')


def stored(name: str, value: Any) -> StoredObject:
    plain, secrets = part("setting", f"alerts.{name}", {"value": value})
    return StoredObject("setting", f"alerts.{name}", plain, secrets)


LIST = [{"name": "ops", "url": HOOK, "secret": "canary-key"}, {"name": "chat", "url": f"{HOOK}2", "format": "slack"}]
TABLE = {"host": "mail.example.com", "sender": "a@b.c", "to": ["o@b.c"], "user": "us", "password": "canary-password"}


def test_the_database_may_say_all_of_it_with_its_secrets_kept_apart() -> None:
    assert all(f"alerts.{name}" in SETTINGS for name in AlertSettings.__struct_fields__)
    hooks, email = stored("webhooks", LIST), stored("email", TABLE)
    assert hooks.secrets == {
        "value.ops.url": HOOK,
        "value.ops.secret": "canary-key",
        "value.chat.url": f"{HOOK}2",
    }
    assert email.secrets == {"value.password": "canary-password"}
    assert "canary" not in repr((hooks, email))
    laid = overlay(Settings(), {}, [hooks, email, stored("error_percent", 5)])
    assert laid.problems == ()
    alerts = laid.settings.alerts
    assert [(hook.name, hook.url, hook.secret) for hook in alerts.webhooks] == [
        ("ops", HOOK, "canary-key"),
        ("chat", f"{HOOK}2", ""),
    ]
    assert (alerts.email.password, alerts.error_percent) == ("canary-password", 5)


def test_the_tables_of_a_setting_are_found_by_where_their_secrets_are() -> None:
    assert tables_within(stored("webhooks", LIST)) == {"value.ops": LIST[0], "value.chat": LIST[1]}
    assert tables_within(stored("email", TABLE)) == {"value": TABLE}
    assert whole(stored("email", TABLE)) == {"value": TABLE}
    assert tables_within(stored("webhooks", "no list")) == tables_within(stored("email", ["no table"])) == {}


@pytest.mark.parametrize(
    ("name", "value", "path", "words"),
    [
        ("webhooks", [{"name": "ops"}], ("value", 0, "url"), "expected an http://"),
        ("webhooks", [{"name": "ops", "url_env": "V"}], ("value", 0, "url_env"), "give `url` itself"),
        (
            "webhooks",
            [{"name": "o", "url": HOOK, "secret_file": "/x"}],
            ("value", 0, "secret_file"),
            "give `secret` itself",
        ),
        ("webhooks", [{"name": "o", "url": HOOK}] * 2, ("value", 1, "name"), "is there twice"),
        ("webhooks", {"name": "ops"}, ("value",), "expected a list"),
        ("email", {**TABLE, "password_env": "V"}, ("value", "password_env"), "give `password` itself"),
        ("email", {**TABLE, "to": []}, ("value", "to"), "say whom"),
        ("email", [], ("value",), "expected a table"),
        ("email", {**TABLE, "port": 0}, ("value", "port"), ">= 1"),
    ],
)
def test_what_cannot_work_is_left_out_and_told(name: str, value: Any, path: tuple[Any, ...], words: str) -> None:
    laid = overlay(Settings(), {}, [stored(name, value)])
    (problem,) = laid.problems
    assert problem.path == path
    assert words in problem.reason
    assert "canary" not in problem.reason
    assert laid.settings.alerts == AlertSettings()


def test_every_kind_can_be_chosen() -> None:
    hooks = [{"name": "ops", "url": HOOK, "kinds": list(ALERT_KINDS)}]
    assert overlay(Settings(), {}, [stored("webhooks", hooks)]).settings.alerts.webhooks[0].kinds == ALERT_KINDS
