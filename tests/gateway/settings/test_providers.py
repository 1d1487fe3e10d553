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


def ids(environ: dict[str, str]) -> list[str]:
    return [provider.id for provider in load(None, environ, presets=presets()).providers]


def test_of_several_variables_the_first_that_is_set_holds_the_secret() -> None:
    environ = {"GOOGLE_GENERATIVE_AI_API_KEY": "three", "GOOGLE_API_KEY": "two", "GEMINI_API_KEY": " "}
    (gemini,) = load(None, environ, presets=presets()).providers
    assert [(one.name, one.api_key) for one in gemini.credentials] == [("GOOGLE_API_KEY", "two")]


def test_a_pair_of_variables_is_one_secret(tmp_path: Path) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s/+", "AWS_REGION": "eu-central-1"}
    text = '[[providers]]\nid = "bedrock"'
    (bedrock,) = load_text(tmp_path, text, environ).providers
    assert bedrock.base_url == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    assert [(one.name, one.api_key) for one in bedrock.credentials] == [("AWS_ACCESS_KEY_ID", "AKIA:s/+")]
    (bedrock,) = load_text(tmp_path, text, environ | {"AWS_SESSION_TOKEN": "t"}).providers
    assert bedrock.credentials[0].api_key == "AKIA:s/+:t"
    del environ["AWS_SECRET_ACCESS_KEY"]
    with pytest.raises(SettingsError, match="set AWS_BEARER_TOKEN_BEDROCK, or add"):
        load_text(tmp_path, text, environ)


def test_a_variable_may_name_the_file_with_the_secret(tmp_path: Path) -> None:
    account = tmp_path / "account.json"
    account.write_text('{\n  "type": "service_account",\n  "client_email": "a@b"\n}\n')
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(account), "GOOGLE_CLOUD_PROJECT": "acme-1"}
    (vertex,) = load_text(tmp_path, '[[providers]]\nid = "vertex"', environ).providers
    assert vertex.base_url == (
        "https://aiplatform.googleapis.com/v1/projects/acme-1/locations/global/publishers/google"
    )
    assert vertex.credentials[0].api_key == '{"type":"service_account","client_email":"a@b"}'


def test_variables_that_are_set_for_other_purposes_add_nothing() -> None:
    ambient = {
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "eu-central-1",
        "GITHUB_TOKEN": "ghp",
        "CLOUDFLARE_API_TOKEN": "c",
        "CLOUDFLARE_ACCOUNT_ID": "0" * 32,
        "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json",
        "GOOGLE_CLOUD_PROJECT": "acme-1",
    }
    assert ids(ambient) == []


def test_a_preset_is_added_only_when_all_it_needs_is_known() -> None:
    assert ids({"AZURE_OPENAI_API_KEY": "k"}) == []
    assert ids({"AZURE_OPENAI_API_KEY": "k", "AZURE_RESOURCE_NAME": "evil.example.com/"}) == []
    assert ids({"AZURE_OPENAI_API_KEY": "k", "AZURE_RESOURCE_NAME": "acme"}) == ["azure"]


def test_places_are_filled_with_what_is_said_before_the_environment(tmp_path: Path) -> None:
    text = '[[providers]]\nid = "azure"\nvariables = { resource = "said" }'
    environ = {"AZURE_OPENAI_API_KEY": "k", "AZURE_RESOURCE_NAME": "around", "OPENAI_API_VERSION": "2025-01-01-preview"}
    (azure,) = load_text(tmp_path, text, environ).providers
    assert azure.base_url == "https://said.openai.azure.com/openai"
    assert azure.variables == {"resource": "said", "api_version": "2025-01-01-preview"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{}", r"set `variables\.resource`, or AZURE_RESOURCE_NAME in the environment"),
        ('{ resource = "evil.example.com/" }', r"`variables\.resource` must match"),
        ('{ resource = "a", regoin = "b" }', "there is no variable `regoin`: there are `resource`, `api_version`"),
    ],
)
def test_a_place_that_cannot_be_filled_is_told_with_its_line(said: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load_text(tmp_path, f'[[providers]]\nid = "azure"\nvariables = {said}', {"AZURE_OPENAI_API_KEY": "k"})
    assert (caught.value.line, caught.value.key) == (3, "providers[0].variables")


def test_an_address_of_one_s_own_needs_no_places_but_keeps_the_rest(tmp_path: Path) -> None:
    text = '[[providers]]\nid = "azure"\nbase_url = "https://192.0.2.1/openai"'
    (azure,) = load_text(tmp_path, text).providers
    assert (azure.base_url, azure.variables) == ("https://192.0.2.1/openai", {"api_version": "2024-10-21"})


def test_a_server_of_one_s_own_has_no_places(tmp_path: Path) -> None:
    own = '[[providers]]\nid = "mine"\nformat = "openai_chat"\nbase_url = "http://127.0.0.1:1/v1"\n'
    with pytest.raises(SettingsError, match="has no places to fill"):
        load_text(tmp_path, own + 'variables = { region = "eu" }')


def test_a_server_that_may_ask_for_a_key_is_used_with_or_without(tmp_path: Path) -> None:
    text = '[[providers]]\nid = "vllm"'
    assert load_text(tmp_path, text).providers[0].credentials == ()
    assert load_text(tmp_path, text, {"VLLM_API_KEY": "k"}).providers[0].credentials[0].api_key == "k"
    assert ids({"VLLM_API_KEY": "k"}) == []


def test_quirks_are_known_by_name(tmp_path: Path) -> None:
    own = '[[providers]]\nid = "mine"\nformat = "openai_chat"\nbase_url = "http://127.0.0.1:1/v1"\n'
    assert load_text(tmp_path, own + 'quirks = ["joined_text"]').providers[0].quirks == ("joined_text",)
    with pytest.raises(SettingsError, match="did you mean `joined_text`"):
        load_text(tmp_path, own + 'quirks = ["joint_text"]')
