from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.errors import SettingsError
from gateway.settings.load import load
from gateway.settings.model import Settings

CANARY = "sk-canary-3c9e"


def load_text(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "a.toml"
    path.write_text(text)
    return load(path, environ or {})


def key_said(how: str) -> str:
    return f'[[client_keys]]\nname = "a"\n{how}\n'


def credential_said(how: str) -> str:
    provider = '[[providers]]\nid = "p"\nformat = "openai_chat"\nbase_url = "http://h"\n'
    return f'{provider}[[providers.credentials]]\nname = "a"\n{how}\n'


def test_a_key_comes_from_a_variable_without_its_white_space(tmp_path: Path) -> None:
    assert load_text(tmp_path, key_said('key_env = "K"'), {"K": f" {CANARY}\n"}).client_keys[0].key == CANARY


def test_a_key_comes_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "k").write_text(f"{CANARY}\n")
    assert load_text(tmp_path, key_said('key_file = "k"')).client_keys[0].key == CANARY
    assert load_text(tmp_path, key_said(f'key_file = "{tmp_path}/k"')).client_keys[0].key == CANARY


def test_a_credential_comes_from_wherever_a_key_does(tmp_path: Path) -> None:
    (tmp_path / "k").write_text(CANARY)
    for how in ('api_key_file = "k"', 'api_key_env = "K"', f'api_key = "{CANARY}"'):
        settings = load_text(tmp_path, credential_said(how), {"K": CANARY})
        assert settings.providers[0].credentials[0].api_key == CANARY


def test_a_collector_s_headers_come_from_wherever_a_key_does(tmp_path: Path) -> None:
    (tmp_path / "h").write_text(f"authorization=Bearer {CANARY}\n")
    for how in ('headers_file = "h"', 'headers_env = "H"', f'headers = "authorization=Bearer {CANARY}"'):
        settings = load_text(tmp_path, f"[traces]\n{how}\n", {"H": f"authorization=Bearer {CANARY}"})
        assert settings.traces.headers == f"authorization=Bearer {CANARY}"
        assert CANARY not in repr(settings)
    with pytest.raises(SettingsError, match="at most one of `headers`"):
        load_text(tmp_path, '[traces]\nheaders = "a=b"\nheaders_env = "H"\n', {"H": "a=b"})


def test_a_credential_may_be_a_document_which_is_kept_on_one_line(tmp_path: Path) -> None:
    document = '{\n  "type": "service_account",\n  "private_key": "-----BEGIN X-----\\nä\\n"\n}\n'
    (tmp_path / "account.json").write_text(document)
    settings = load_text(tmp_path, credential_said('api_key_file = "account.json"'))
    kept = settings.providers[0].credentials[0].api_key
    assert kept == '{"type":"service_account","private_key":"-----BEGIN X-----\\n\\u00e4\\n"}'


@pytest.mark.parametrize("document", ['{"a":\n"b"', "{\r\nx-injected: 1}", '[\n"a"]', '{"a": "b"}\n{"c": "d"}'])
def test_what_is_no_document_must_be_fit_for_a_header(document: str, tmp_path: Path) -> None:
    (tmp_path / "account.json").write_text(document)
    with pytest.raises(SettingsError, match="no header can carry"):
        load_text(tmp_path, credential_said('api_key_file = "account.json"'))


def test_a_client_s_key_is_never_a_document(tmp_path: Path) -> None:
    (tmp_path / "k").write_text('{"a": "b c"}')
    with pytest.raises(SettingsError, match="no header can carry"):
        load_text(tmp_path, key_said('key_file = "k"'))


def test_a_credential_of_the_systemd_unit_is_found_by_its_name(tmp_path: Path) -> None:
    directory = tmp_path / "credentials"
    directory.mkdir()
    (directory / "team").write_text(CANARY)
    environ = {"CREDENTIALS_DIRECTORY": str(directory)}
    assert load_text(tmp_path, key_said('key_file = "team"'), environ).client_keys[0].key == CANARY
    (tmp_path / "other").write_text("sk-the-other")
    assert load_text(tmp_path, key_said('key_file = "other"'), environ).client_keys[0].key == "sk-the-other"


@pytest.mark.parametrize("how", ['key_env = "K"', 'key_file = "empty"', 'key_file = "two-lines"', 'key_file = "bytes"'])
def test_an_unusable_secret_is_refused_without_being_shown(how: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "two-lines").write_text(f"{CANARY}\n{CANARY}\n")
    (tmp_path / "bytes").write_bytes(b"\xff" + CANARY.encode())
    with pytest.raises(SettingsError) as caught:
        load_text(tmp_path, key_said(how), {"K": ""})
    assert (caught.value.line, caught.value.key) == (3, f"client_keys[0].{how.partition(' ')[0]}")
    assert CANARY not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    with pytest.raises(SettingsError, match="k cannot be read: Is a directory"):
        load_text(tmp_path, key_said('key_file = "k"'))


def test_no_secret_is_in_the_repr_of_anything(tmp_path: Path) -> None:
    text = key_said(f'key = "{CANARY}"') + credential_said(f'api_key = "{CANARY}-2"')
    text = text.replace('base_url = "http://h"', f'base_url = "http://h"\nproxy = "http://u:{CANARY}@h"')
    text = text.replace('id = "p"', f'id = "p"\nheaders = {{ x-secret = "{CANARY}" }}')
    settings = load_text(tmp_path, f'[upstream]\nproxy = "socks5://u:{CANARY}@h"\n{text}')
    for shown in (settings, *settings.client_keys, *settings.providers, *settings.providers[0].credentials):
        assert CANARY not in repr(shown) + str(shown) + f"{shown}"
    assert "key=***" in repr(settings.client_keys[0])
    assert CANARY in msgspec.json.encode(settings).decode()


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    wrong = (
        key_said(f'key = "{CANARY}"\nkey_env = "K"'),
        key_said(f'key = "{CANARY} x"'),
        key_said(f'key = ["{CANARY}"]'),
        key_said(f'key = "{CANARY}" x'),
        key_said(f'key = "{CANARY}'),
        key_said(f'key = "{CANARY}"') + '[[client_keys]]\nname = "b"\n' + f'key = "{CANARY}"',
        credential_said(f'api_key = "{CANARY}\\u0000"'),
    )
    for text in wrong:
        with pytest.raises(SettingsError) as caught:
            load_text(tmp_path, text)
        assert CANARY not in str(caught.value)
