from __future__ import annotations

from pathlib import Path

import pytest

from gateway.catalog.presets import presets
from gateway.errors import SettingsError
from gateway.settings.load import load
from gateway.settings.model import Settings
from gateway.settings.objects import CredentialSettings


def load_text(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "a.toml"
    path.write_text(text)
    return load(path, environ or {}, presets=presets())


def test_a_preset_is_configured_by_its_usual_variable_alone() -> None:
    settings = load(None, {"OPENAI_API_KEY": "sk-x\n", "GROQ_API_KEY": "gsk"}, presets=presets())
    assert [provider.id for provider in settings.providers] == ["groq", "openai"]
    openai = settings.providers[1]
    assert (openai.format, openai.base_url) == ("openai_chat", "https://api.openai.com/v1")
    assert openai.credentials == (
        CredentialSettings(name="OPENAI_API_KEY", api_key="sk-x", api_key_env="OPENAI_API_KEY"),
    )


def test_an_empty_variable_configures_nothing() -> None:
    assert load(None, {"OPENAI_API_KEY": " "}, presets=presets()).providers == ()


def test_a_preset_in_the_file_takes_the_usual_variable_and_keeps_what_is_said(tmp_path: Path) -> None:
    settings = load_text(tmp_path, '[[providers]]\nid = "openai"\nmodels = ["gpt-*"]', {"OPENAI_API_KEY": "sk-x"})
    (openai,) = settings.providers
    assert openai.models == ("gpt-*",)
    assert [credential.api_key for credential in openai.credentials] == ["sk-x"]


def test_credentials_in_the_file_stand_in_place_of_the_variable(tmp_path: Path) -> None:
    text = '[[providers]]\nid = "openai"\n[[providers.credentials]]\nname = "a"\napi_key = "sk-y"'
    (openai,) = load_text(tmp_path, text, {"OPENAI_API_KEY": "sk-x"}).providers
    assert [credential.api_key for credential in openai.credentials] == ["sk-y"]


def test_a_secret_from_the_environment_does_not_follow_a_changed_address(tmp_path: Path) -> None:
    text = '[[providers]]\nid = "openai"\nbase_url = "http://127.0.0.1:1/v1"'
    (openai,) = load_text(tmp_path, text, {"OPENAI_API_KEY": "sk-x"}).providers
    assert openai.credentials == ()
    assert openai.format == "openai_chat"


def test_a_preset_that_asks_for_no_key_needs_none(tmp_path: Path) -> None:
    (ollama,) = load_text(tmp_path, '[[providers]]\nid = "ollama"').providers
    assert ollama.base_url == "http://127.0.0.1:11434/v1"


def test_a_custom_provider_needs_format_and_address(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="`mine` is no preset: give `format` and `base_url`"):
        load_text(tmp_path, '[[providers]]\nid = "mine"')
    with pytest.raises(SettingsError, match="give `base_url`"):
        load_text(tmp_path, '[[providers]]\nid = "mine"\nformat = "gemini"')


def test_a_preset_knows_what_else_it_speaks_at_its_own_address(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "sk-x"}
    (added,) = load(None, environ, presets=presets()).providers
    assert added.also_speaks == ("openai_responses",)
    (said,) = load_text(tmp_path, '[[providers]]\nid = "openai"\nformat = "openai_responses"', environ).providers
    assert said.also_speaks == ("openai_chat",)
    text = '[[providers]]\nid = "openai"\nbase_url = "http://127.0.0.1:1/v1"'
    (elsewhere,) = load_text(tmp_path, text).providers
    assert elsewhere.also_speaks == ()


def test_the_operator_says_what_a_server_speaks(tmp_path: Path) -> None:
    (openai,) = load_text(tmp_path, '[[providers]]\nid = "openai"\nalso_speaks = []', {"OPENAI_API_KEY": "a"}).providers
    assert openai.also_speaks == ()
    own = '[[providers]]\nid = "mine"\nformat = "openai_chat"\nbase_url = "http://127.0.0.1:1/v1"\n'
    (mine,) = load_text(tmp_path, own + 'also_speaks = ["openai_responses"]').providers
    assert mine.also_speaks == ("openai_responses",)
    with pytest.raises(SettingsError, match="also_speaks"):
        load_text(tmp_path, own + 'also_speaks = ["morse"]')
