from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.catalog.presets import PROVIDERS, load, presets
from gateway.errors import SettingsError
from gateway.settings.addresses import check_url, is_loopback

GOOD = (
    'name = "A"\nformat = "openai_chat"\nbase_url = "https://a"\nauth = "bearer"\nenv = "A_KEY"\ndocs = "https://a"\n'
)

SCHEMES = {"openai_chat": "bearer", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}


@pytest.mark.parametrize("name", sorted(path.stem for path in PROVIDERS.glob("*.toml")))
def test_a_preset_is_complete(name: str) -> None:
    preset = presets()[name]
    check_url(preset.base_url)
    check_url(preset.docs)
    assert preset.auth in (SCHEMES[preset.format], "none")
    parts = urlsplit(preset.base_url)
    assert parts.scheme == "https" or is_loopback(parts.hostname or "")
    assert not preset.base_url.endswith("/")


def test_the_contract_s_presets_are_there() -> None:
    assert {"openai", "anthropic", "gemini", "deepseek", "xai", "openrouter", "groq", "mistral", "ollama"} <= set(
        presets()
    )


def test_no_two_presets_share_a_variable() -> None:
    variables = [preset.env for preset in presets().values() if preset.env]
    assert len(variables) == len(set(variables))


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (GOOD + 'id = "a"\n', None, "unknown field `id`"),
        (GOOD.replace("openai_chat", "openai"), "format", "Invalid enum value"),
        (GOOD.replace('docs = "https://a"\n', ""), None, "missing required field `docs`"),
        (GOOD.replace("bearer", "none"), "env", "exactly when"),
        (GOOD.replace('env = "A_KEY"\n', ""), "env", "exactly when"),
        ("name =", None, "not valid TOML"),
    ],
)
def test_a_wrong_preset_is_refused_with_file_and_key(text: str, key: str | None, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert caught.value.file == str(tmp_path / "a.toml")
    assert caught.value.key == key
    assert message in caught.value.message


def test_the_id_is_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(GOOD)
    (tmp_path / "a.toml").write_text(GOOD)
    assert list(load(tmp_path)) == ["a", "b"]
