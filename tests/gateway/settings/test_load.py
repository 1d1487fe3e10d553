from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.catalog.presets import presets
from gateway.errors import SettingsError
from gateway.settings.load import find_data_dir, load
from gateway.settings.model import Settings

GOOD = """
[server]
listen   = "127.0.0.1:8080"

[[client_keys]]
name = "team"
key  = "sk-canary-1234"
models = ["mock/*", "fast"]

[[providers]]
id       = "mock"
format   = "openai_chat"
base_url = "http://127.0.0.1:9100/v1"
headers  = { x-extra = "canary" }
[[providers.credentials]]
name    = "first"
api_key = "canary"

[[prices]]
model = "mock/*"
input = 1.0
output = 5

[[aliases]]
name   = "fast"
target = "mock/gpt-4o-mini"

[[combos]]
name     = "best"
targets  = ["mock/gpt-4o", "fast"]
"""

MOCK = '[[providers]]\nid = "mock"\nformat = "openai_chat"\nbase_url = "http://h/v1"\n'

BAD: dict[str, tuple[str, int | None, str | None, str]] = {
    "not TOML": ("[server]\nlisten = \n", 2, None, "not valid TOML"),
    "a table twice": ("[server]\n[server]\n", 2, None, "not valid TOML"),
    "an unknown section": ("[sever]\nworkers = 1", 1, "sever", "unknown name (did you mean `server`?)"),
    "an unknown setting": ("[server]\n\nworker = 1", 3, "server.worker", "(did you mean `workers`?)"),
    "an unknown name in a list": (
        '[[client_keys]]\nname = "a"\nkey = "sk-12345678"\n[[client_keys]]\nname = "b"\nkye = "x"',
        6,
        "client_keys[1].kye",
        "(did you mean `key`?)",
    ),
    "text for a number": ('[server]\nworkers = "1"', 2, "server.workers", "expected a whole number, got text"),
    "a number for text": ("[server]\nlisten = 8080", 2, "server.listen", "expected text, got a whole number"),
    "a table for a list": ("[aliases]\nname = 1", 1, "aliases", "expected a list, got a table"),
    "too small": ("[server]\nworkers = 0", 2, "server.workers", "expected a whole number >= 1"),
    "infinite": ("[server]\ndrain_seconds = inf", 2, "server.drain_seconds", "finite"),
    "no choice": ('[server]\nlog_level = "warn"', 2, "server.log_level", "(did you mean `warning`?)"),
    "a name missing": ('[[client_keys]]\nkey = "sk-12345678"', 1, "client_keys[0]", "`name` is missing"),
    "a name with a space": (
        '[[client_keys]]\nname = "a b"\nkey = "sk-12345678"',
        2,
        "client_keys[0].name",
        "beginning with a letter or digit",
    ),
    "no key": ('[[client_keys]]\nname = "a"', 1, "client_keys[0]", "exactly one of `key`, `key_env` and `key_file`"),
    "two keys": (
        '[[client_keys]]\nname = "a"\nkey = "sk-12345678"\nkey_env = "K"',
        1,
        "client_keys[0]",
        "exactly one of",
    ),
    "a short key": ('[[client_keys]]\nname = "a"\nkey = "1234567"', 1, "client_keys[0]", "shorter than 8"),
    "a key with a space": (
        '[[client_keys]]\nname = "a"\nkey = "1234 5678"',
        3,
        "client_keys[0].key",
        "no header can carry",
    ),
    "a variable that is not set": (
        '[[client_keys]]\nname = "a"\nkey_env = "NO_SUCH"',
        3,
        "client_keys[0].key_env",
        "NO_SUCH is not set",
    ),
    "a secret's file that is not there": (
        '[[client_keys]]\nname = "a"\nkey_file = "none.key"',
        3,
        "client_keys[0].key_file",
        "none.key cannot be read: No such file",
    ),
    "a key's name twice": (
        '[[client_keys]]\nname = "a"\nkey = "sk-12345678"\n[[client_keys]]\nname = "a"\nkey = "sk-12345679"',
        5,
        "client_keys[1].name",
        "`a` is there twice",
    ),
    "one key for two": (
        '[[client_keys]]\nname = "a"\nkey = "sk-12345678"\n[[client_keys]]\nname = "b"\nkey = "sk-12345678"',
        4,
        "client_keys[1]",
        "keys `a` and `b` are the same",
    ),
    "no port": ('[server]\nlisten = "127.0.0.1"', 2, "server.listen", "expected HOST:PORT"),
    "a port too high": ('[server]\nlisten = "127.0.0.1:70000"', 2, "server.listen", "expected HOST:PORT"),
    "a host name": ('[server]\nlisten = "example.com:80"', 2, "server.listen", "IP address"),
    "a provider nobody knows": ('[[providers]]\nid = "opnai"', 1, "providers[0]", "(did you mean `openai`?)"),
    "a custom provider without a format": (
        '[[providers]]\nid = "mine"\nbase_url = "http://h"',
        1,
        "providers[0]",
        "give `format`",
    ),
    "a provider twice": (f"{MOCK}{MOCK}", 6, "providers[1].id", "`mock` is there twice"),
    "a preset without a credential": ('[[providers]]\nid = "openai"', 1, "providers[0]", "set OPENAI_API_KEY"),
    "a credential twice": (
        f'{MOCK}[[providers.credentials]]\nname = "a"\napi_key = "x"\n'
        '[[providers.credentials]]\nname = "a"\napi_key = "y"',
        9,
        "providers[0].credentials[1].name",
        "`a` is there twice",
    ),
    "a base_url without a scheme": (
        MOCK.replace("http://h/v1", "h/v1"),
        4,
        "providers[0].base_url",
        "expected an http:// or https:// address",
    ),
    "a base_url without a host": (MOCK.replace("//h/", "///"), 4, "providers[0].base_url", "with a host"),
    "a base_url with a password": (MOCK.replace("//h", "//u:p@h"), 4, "providers[0].base_url", "use credentials"),
    "a base_url with a query": (MOCK.replace("/v1", "/v1?a=b"), 4, "providers[0].base_url", "no query"),
    "a base_url with a strange port": (MOCK.replace("//h", "//h:x"), 4, "providers[0].base_url", "not an address"),
    "a proxy of an unknown kind": ('[upstream]\nproxy = "ftp://h"', 2, "upstream.proxy", "socks5h://"),
    "a provider's proxy of an unknown kind": (f'{MOCK}proxy = "h:1"', 5, "providers[0].proxy", "socks5h://"),
    "a wildcard that is none": (f'{MOCK}models = ["gpt-?"]', 5, "providers[0].models[0]", "`*` is the only wildcard"),
    "an empty pattern": (
        '[[client_keys]]\nname = "a"\nkey = "sk-12345678"\nmodels = ["x",\n""]',
        5,
        "client_keys[0].models[1]",
        "expected a model name",
    ),
    "a header that is none": (f'{MOCK}headers = {{ "a b" = "c" }}', 5, "providers[0].headers.a b", "no header name"),
    "a header that frames": (f'{MOCK}headers = {{ Host = "c" }}', 5, "providers[0].headers.Host", "not for settings"),
    "a header value of two lines": (
        f'{MOCK}headers = {{ a = "c\\r\\nd" }}',
        5,
        "providers[0].headers.a",
        "printable ASCII",
    ),
    "a client's secret forwarded": (
        f'{MOCK}forward_headers = ["x-a", "Authorization"]',
        5,
        "providers[0].forward_headers[1]",
        "not for settings",
    ),
    "an origin that is none": ('[server]\ncors_origins = ["example.com"]', 2, "server.cors_origins[0]", "an origin"),
    "a private network that is none": (
        '[network]\nallow = ["10.0.0.0/33"]',
        2,
        "network.allow[0]",
        "a network such as",
    ),
    "a proxy that is none": (
        '[server]\ntrusted_proxies = ["unix", "10.0.0.1", "proxy"]',
        2,
        "server.trusted_proxies[2]",
        "a network such as",
    ),
    "a public address with a path": (
        '[server]\npublic_url = "https://a.example/gate"',
        2,
        "server.public_url",
        "without a path",
    ),
    "a network that is none": ('[media]\nallow = ["10.0.0.0/8", "intranet"]', 2, "media.allow[1]", "a network such as"),
    "a memory limit that is none": (
        '[usage]\nduckdb_memory_limit = "much"',
        2,
        "usage.duckdb_memory_limit",
        "expected a size",
    ),
    "sums that are gone before requests are": ("[usage]\nrollup_days = 89", 2, "usage.rollup_days", "at least 90"),
    "sums that are gone before a month is over": (
        "[usage]\nretention_days = 7\nrollup_days = 39",
        3,
        "usage.rollup_days",
        "at least 40",
    ),
    "authorities that are not there": ('[upstream]\nca_file = "no.pem"', 2, "upstream.ca_file", "cannot be read"),
    "a negative price": ('[[prices]]\nmodel = "a"\ninput = -1\noutput = 1', 3, "prices[0].input", ">= 0"),
    "a limit of nothing": (
        '[[client_keys]]\nname = "a"\nkey = "sk-12345678"\nmax_parallel = 0',
        4,
        "client_keys[0].max_parallel",
        ">= 1",
    ),
    "an alias to nowhere": ('[[aliases]]\nname = "a"\ntarget = "b"', 3, "aliases[0].target", "no `provider/model`"),
    "an alias to a provider that is not there": (
        f'{MOCK}[[aliases]]\nname = "a"\ntarget = "mok/x"',
        7,
        "aliases[0].target",
        "no provider `mok` (did you mean `mock`?)",
    ),
    "an alias to a model that is not served": (
        f'{MOCK}models = ["b*"]\n[[aliases]]\nname = "a"\ntarget = "mock/x"',
        8,
        "aliases[0].target",
        "does not serve `x`",
    ),
    "aliases in a circle": (
        '[[aliases]]\nname = "a"\ntarget = "b"\n[[aliases]]\nname = "b"\ntarget = "a"',
        3,
        "aliases[0].target",
        "a -> b -> a",
    ),
    "an alias to itself": ('[[aliases]]\nname = "a"\ntarget = "a"', 3, "aliases[0].target", "a -> a"),
    "an alias that hides a model": (
        f'{MOCK}[[aliases]]\nname = "mock/y"\ntarget = "mock/x"',
        6,
        "aliases[0].name",
        "would hide a model of provider `mock`",
    ),
    "an alias and a combo of one name": (
        f'{MOCK}[[aliases]]\nname = "a"\ntarget = "mock/x"\n[[combos]]\nname = "a"\ntargets = ["mock/x"]',
        6,
        "aliases[0].name",
        "`a` is a combo already",
    ),
    "a combo of nothing": ('[[combos]]\nname = "a"\ntargets = []', 3, "combos[0].targets", "length >= 1"),
    "combos in a circle": (
        f'{MOCK}[[combos]]\nname = "a"\ntargets = ["mock/x", "b"]\n[[combos]]\nname = "b"\ntargets = ["mock/x",\n"a"]',
        7,
        "combos[0].targets[1]",
        "combos go round in a circle: a -> b -> a",
    ),
    "weights that do not fit": (
        f'{MOCK}[[combos]]\nname = "a"\ntargets = ["mock/x"]\nweights = [1, 2]',
        8,
        "combos[0].weights",
        "1 targets and 2 weights",
    ),
}


def load_text(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "sluicegate.toml"
    path.write_text(text)
    return load(path, environ or {}, presets=presets())


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_file_is_refused_with_file_line_and_key(case: str, tmp_path: Path) -> None:
    text, line, key, message = BAD[case]
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, text)
    error = caught.value
    assert (error.line, error.key) == (line, key), error
    assert message in error.message
    assert str(error).startswith(f"{tmp_path}/sluicegate.toml:{line}: ")
    assert "\n" not in str(error)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read: No such file or directory"):
        load(tmp_path / "none.toml", {})


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        load(tmp_path / "a.toml", {})


def test_without_a_file_and_variables_everything_is_as_the_model_says(tmp_path: Path) -> None:
    settings = load(None, {})
    assert settings.stream == Settings().stream
    assert settings.server.data_dir == str(Path("data").absolute())


def test_the_contract_s_example_is_understood(tmp_path: Path) -> None:
    settings = load_text(tmp_path, GOOD)
    assert settings.client_keys[0].key == "sk-canary-1234"
    assert settings.providers[0].credentials[0].api_key == "canary"
    assert settings.prices[0].output == 5.0


def test_settings_travel_as_json_and_stay_the_same(tmp_path: Path) -> None:
    settings = load_text(tmp_path, GOOD, {"OPENAI_API_KEY": "sk-other"})
    assert msgspec.json.decode(msgspec.json.encode(settings), type=Settings) == settings


def test_combos_and_aliases_end_at_models(tmp_path: Path) -> None:
    more = '[[aliases]]\nname = "quick"\ntarget = "fast"\n[[aliases]]\nname = "top"\ntarget = "best"\n'
    settings = load_text(tmp_path, GOOD + more)
    assert [alias.target for alias in settings.aliases] == ["mock/gpt-4o-mini", "mock/gpt-4o-mini", "best"]
    assert settings.combos[0].targets == ("mock/gpt-4o", "mock/gpt-4o-mini")


def test_files_said_in_the_file_start_at_it_and_all_others_where_we_are(tmp_path: Path) -> None:
    here = Path.cwd()
    text = '[server]\ndata_dir = "kept"\n'
    assert load_text(tmp_path, text).server.data_dir == str(tmp_path / "kept")
    from_variable = load_text(tmp_path, text, {"SLUICEGATE_SERVER__DATA_DIR": "other"})
    assert from_variable.server.data_dir == str(here / "other")
    assert load_text(tmp_path, "").server.data_dir == str(here / "data")


def test_the_data_directory_is_found_without_the_secrets(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('[server]\ndata_dir = "kept"\n[[client_keys]]\nname = "a"\nkey_env = "NOT_SET"\n')
    assert find_data_dir(path, {}) == tmp_path / "kept"
    assert find_data_dir(path, {}, options={"--data-dir": "/elsewhere"}) == Path("/elsewhere")


def test_lines_are_right_with_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b'[server]\r\n\r\nlisten = """\r\na"""\r\nworkers = 0\r\n')
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert caught.value.line == 5
