from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings.load import load
from gateway.settings.model import Settings

KEY = '[[client_keys]]\nname = "a"\nkey = "sk-12345678"\n'
RULE = '[[limits.rules]]\nname = "r"\nper = "model"\n'
ALL = "max_parallel = 5\n"
LOGIN = '[[login.providers]]\nid = "corp"\nclient_id = "a"\n'
ISSUER = 'issuer = "https://id.example.com"\n'
SECRET = 'client_secret = "canary"\n'
MICROSOFT = "https://login.microsoftonline.com"

LOCAL = '[[providers]]\nid = "own"\nformat = "openai_chat"\nbase_url = "http://127.0.0.1:1"\n'
CREDENTIAL = f'{LOCAL}[[providers.credentials]]\nname = "a"\napi_key = "canary"\n'
HELD = "providers[0].credentials[0]"

BAD: dict[str, tuple[str, int, str, str]] = {
    "a credential's proxy": (f'{CREDENTIAL}proxy = "canary:1"', 8, f"{HELD}.proxy", "expected `none` or an address"),
    "a credential's header": (f'{CREDENTIAL}headers = {{ Host = "x" }}', 8, f"{HELD}.headers.Host", "not for settings"),
    "a credential's header of ours": (
        f'{CREDENTIAL}headers = {{ x-sluicegate-a = "x" }}',
        8,
        f"{HELD}.headers.x-sluicegate-a",
        "is not for settings to set",
    ),
    "a credential's header that is none": (
        f'{CREDENTIAL}headers = {{ x-a = "canary\\n" }}',
        8,
        f"{HELD}.headers.x-a",
        "printable ASCII",
    ),
    "a credential's models": (f'{CREDENTIAL}models = ["a", "b?"]', 8, f"{HELD}.models[1]", "expected a model name"),
    "a trusted proxy": ('[server]\ntrusted_proxies = ["unix", "x"]', 2, "server.trusted_proxies[1]", "a network such"),
    "a network": ('[network]\nallow = ["10.0.0.0/33"]', 2, "network.allow[0]", "a network such"),
    "a public address with a path": (
        '[server]\npublic_url = "https://a.example/llm"',
        2,
        "server.public_url",
        "without a path",
    ),
    "a public address of another kind": ('[server]\npublic_url = "a.example"', 2, "server.public_url", "http://"),
    "a database": ('[database]\nurl = "mysql://u:canary@h/d"', 2, "database.url", "expected postgresql://"),
    "a database's port": ('[database]\nurl = "postgresql://u:canary@h:x/d"', 2, "database.url", "not an address"),
    "a vault key that is too short": ('[vault]\nkey = "Y2FuYXJ5"', 2, "vault.key", "expected 32 bytes in base64"),
    "a vault key that is no base64": (f'[vault]\nkey = "canary{"!" * 37}="', 2, "vault.key", "expected 32 bytes"),
    "a vault key said twice": ('[vault]\nkey = "a"\nkey_env = "K"', 1, "vault", "give at most one of `key`"),
    "a vault key that is not set": ('[vault]\nkey_env = "NO_SUCH"', 2, "vault.key_env", "NO_SUCH is not set"),
    "a key's provider": (f'{KEY}providers = ["a b"]', 4, "client_keys[0].providers[0]", "expected a provider's id"),
    "a key's credential": (f'{KEY}credentials = ["first"]', 4, "client_keys[0].credentials[0]", "`provider/name`"),
    "a key's endpoint": (f'{KEY}endpoints = ["*", "v1/models"]', 4, "client_keys[0].endpoints[1]", "a path such as"),
    "a key's empty endpoint": (f'{KEY}endpoints = [""]', 4, "client_keys[0].endpoints[0]", "expected a path"),
    "a key's end": (f'{KEY}expires_at = "soon"', 4, "client_keys[0].expires_at", "2030-01-31T12:00:00Z"),
    "a key's end without a zone": (f'{KEY}expires_at = "2030-01-31T12:00:00"', 4, "client_keys[0].expires_at", "such"),
    "a key's end that is no day": (f'{KEY}expires_at = "2030-02-30"', 4, "client_keys[0].expires_at", "a date"),
    "a time zone": ('[limits]\ntime_zone = "Berlin"', 2, "limits.time_zone", "expected a time zone such as"),
    "a place to count": ('[limits]\nredis_url = "http://u:canary@h"', 2, "limits.redis_url", "expected redis://"),
    "a place to count without a host": ('[limits]\nredis_url = "redis://"', 2, "limits.redis_url", "redis://host"),
    "a collector": ('[traces]\nendpoint = "127.0.0.1:4318"', 2, "traces.endpoint", "expected an http:// or https://"),
    "a collector with a password": (
        '[traces]\nendpoint = "http://u:canary@h/v1/traces"',
        2,
        "traces.endpoint",
        "holds no user name or password",
    ),
    "a collector's headers": ('[traces]\nheaders = "canary"', 1, "traces", "expected headers as `name=value"),
    "a collector's framing": ('[traces]\nheaders = "a=b,Host=canary"', 1, "traces", "`host` is not for settings"),
    "a share of traces": ("[traces]\nsample = 1.5", 2, "traces.sample", "<= 1"),
    "a limit twice": (f"{RULE}{ALL}{RULE}{ALL}", 6, "limits.rules[1].name", "`r` is there twice"),
    "a limit on nothing": (RULE, 1, "limits.rules[0]", "rule `r` limits nothing"),
    "a limit on a model": (f'{RULE}{ALL}match = "gpt-5"', 5, "limits.rules[0].match", "expected `provider/model`"),
    "a limit's pattern": (f'{RULE}{ALL}match = "a/b c"', 5, "limits.rules[0].match", "expected `provider/model`; `*`"),
    "a limit on nobody": (f'{RULE}{ALL}match = ""', 5, "limits.rules[0].match", "expected `provider/model`"),
    "a login without an issuer": (LOGIN, 1, "login.providers[0]", "`oidc` asks for an `issuer`"),
    "a login that can be read": (
        f'{LOGIN}issuer = "http://id.example.com"',
        4,
        "login.providers[0].issuer",
        "expected an https:// address",
    ),
    "a login twice": (f"{LOGIN}{ISSUER}{LOGIN}{ISSUER}", 6, "login.providers[1].id", "`corp` is there twice"),
    "a login of an unknown kind": (f'{LOGIN}kind = "gogle"', 4, "login.providers[0].kind", "did you mean `google`?"),
    "a login's secret twice": (f'{LOGIN}{ISSUER}{SECRET}client_secret_env = "K"', 1, "login.providers[0]", "at most"),
    "a login's secret that is not there": (
        f'{LOGIN}{ISSUER}client_secret_file = "none"',
        5,
        "login.providers[0].client_secret_file",
        "cannot be read: No such file",
    ),
    "google without a secret": (
        f'{LOGIN}kind = "google"',
        1,
        "login.providers[0]",
        "google asks for a `client_secret`",
    ),
    "google elsewhere": (f'{LOGIN}{ISSUER}{SECRET}kind = "google"', 4, "login.providers[0].issuer", "of google is"),
    "microsoft without a tenant": (f'{LOGIN}{SECRET}kind = "microsoft"', 1, "login.providers[0]", "with your tenant"),
    "microsoft with any tenant": (
        f'{LOGIN}{SECRET}kind = "microsoft"\nissuer = "{MICROSOFT}/common/v2.0"',
        6,
        "login.providers[0].issuer",
        "with your tenant",
    ),
    "a group without a role": (
        f'{LOGIN}{ISSUER}roles = [{{ group = "a" }}]',
        5,
        "login.providers[0].roles[0]",
        "`role` is missing",
    ),
}


def load_text(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "sluicegate.toml"
    path.write_text(text)
    return load(path, environ or {})


@pytest.mark.parametrize("case", BAD)
def test_what_breaks_a_rule_is_refused_with_line_and_key(case: str, tmp_path: Path) -> None:
    text, line, key, message = BAD[case]
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, text)
    assert (caught.value.line, caught.value.key) == (line, key), caught.value
    assert message in caught.value.message
    assert "canary" not in str(caught.value)


GOOD = {
    "a credential": f'{CREDENTIAL}proxy = "socks5://u:p@h:1"\nheaders = {{ x-team = "b" }}\nmodels = ["a*", "!ab"]',
    "a credential without its provider's proxy": f'{CREDENTIAL}proxy = "none"',
    "a proxy on a socket": '[server]\ntrusted_proxies = ["unix", "10.0.0.0/8", "::1"]',
    "a public address": '[server]\npublic_url = "https://llm.example.com/"',
    "a public listen": '[server]\nlisten = "0.0.0.0:80"',
    "a database": '[database]\nurl = "postgresql://u:p@h:5432/d?sslmode=require"',
    "a vault key": f'[vault]\nkey = "{base64.b64encode(bytes(range(32))).decode()}"',
    "a key's bounds": f'{KEY}providers = ["open*"]\ncredentials = ["open*/first", "*"]\nendpoints = ["/v1/*", "*"]',
    "a key's last day": f'{KEY}expires_at = "2030-01-31"',
    "a key's last second": f'{KEY}expires_at = "2030-01-31t12:00:00.5+02:00"',
    "a limit": f'[limits]\ntime_zone = "Europe/Berlin"\nredis_url = "rediss://u:p@h:6379/1"\n{RULE}{ALL}match = "a/*"',
    "a limit on keys with a space in their names": f"{RULE.replace('model', 'key')}{ALL}match = 'my *'",
    "a limit on all models": f'{RULE}{ALL}match = "*"',
    "a socket to count in": '[limits]\nredis_url = "unix:///run/redis/redis.sock"',
    "a collector": '[traces]\nendpoint = "https://c.example/v1/traces"\nheaders = "authorization=Basic eDp5,x-team=a"',
    "a login": f"{LOGIN}{ISSUER}",
    "a login on this machine": f'{LOGIN}issuer = "http://127.0.0.1:9/realm"',
    "google": f'{LOGIN}{SECRET}kind = "google"',
    "github": f'{LOGIN}{SECRET}kind = "github"',
    "github on a server of its own": f'{LOGIN}{SECRET}kind = "github"\n{ISSUER}',
    "microsoft": f'{LOGIN}{SECRET}kind = "microsoft"\nissuer = "{MICROSOFT}/example.com/v2.0"',
}


@pytest.mark.parametrize("case", GOOD)
def test_what_keeps_the_rules_is_taken(case: str, tmp_path: Path) -> None:
    load_text(tmp_path, GOOD[case])


def test_secrets_of_vault_and_login_come_from_variables_and_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary-1\n")
    key = base64.b64encode(bytes(32)).decode()
    text = f'[vault]\nkey_env = "K"\n{LOGIN}{ISSUER}client_secret_file = "secret"'
    settings = load_text(tmp_path, text, {"K": f"{key}\n"})
    assert settings.vault.key == key
    assert settings.login.providers[0].client_secret == "canary-1"
    assert "canary" not in repr(settings)
    assert key not in repr(settings)
