from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.catalog.places import Variable
from gateway.catalog.presets import PROVIDERS, Preset, load, presets
from gateway.errors import SettingsError
from gateway.formats.paths import SCHEMES
from gateway.records import FailureRule, ModelFacts
from gateway.settings.addresses import check_url, is_loopback
from tests.gateway.catalog.places_known import values_for

GOOD = (
    'name = "A"\nformat = "openai_chat"\nbase_url = "https://a"\nauth = "bearer"\nenv = "A_KEY"\ndocs = "https://a"\n'
)
PLACED = GOOD.replace("https://a", "https://{region}.a", 1) + '[variables.region]\nabout = "where"\n'
FAILURE = "[[failures]]\nstatus = [403]\n"


def loaded(text: str, directory: Path) -> Preset:
    (directory / "a.toml").write_text(text)
    return load(directory)["a"]


@pytest.mark.parametrize("name", sorted(path.stem for path in PROVIDERS.glob("*.toml")))
def test_a_preset_is_complete(name: str) -> None:
    preset = presets()[name]
    address = preset.address(values_for(preset))
    check_url(address)
    check_url(preset.docs)
    parts = urlsplit(address)
    assert parts.scheme == "https" or is_loopback(parts.hostname or "")
    for format_name, other in preset.other_addresses(values_for(preset)):
        check_url(other)
        assert not other.endswith(("/v1", "/")), f"paths of {format_name} begin with their version"
    assert preset.paths in ("", *SCHEMES)
    assert preset.notes == "" or preset.notes.endswith(".")


def test_every_provider_of_the_contract_is_there() -> None:
    wanted = """
        openai anthropic gemini vertex vertex-express vertex-anthropic vertex-openai azure azure-v1 bedrock
        bedrock-openai deepseek xai openrouter zai zai-coding zhipu moonshot moonshot-cn kimi-code minimax minimax-cn
        dashscope dashscope-intl qwen-coding mistral groq together fireworks cerebras perplexity cohere nebius
        siliconflow hyperbolic nvidia chutes ollama ollama-cloud lmstudio vllm github-models cloudflare volcengine
    """
    assert set(wanted.split()) == set(presets())


def test_no_variable_alone_brings_two_presets() -> None:
    alone = [name for preset in presets().values() if preset.by_variable for name in preset.secret_variables]
    assert len(alone) == len(set(alone))


def test_what_is_set_for_other_purposes_brings_no_preset() -> None:
    ambient = {"AWS_ACCESS_KEY_ID", "GITHUB_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDFLARE_API_TOKEN"}
    for preset in presets().values():
        if preset.by_variable:
            assert not ambient & {*preset.secret_variables, preset.env_file}


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (GOOD + 'id = "a"\n', None, "unknown field `id`"),
        (GOOD.replace("openai_chat", "openai"), "format", "Invalid enum value"),
        (GOOD.replace('docs = "https://a"\n', ""), None, "missing required field `docs`"),
        (GOOD.replace("bearer", "none"), "env", "exactly when"),
        (GOOD.replace('env = "A_KEY"\n', ""), "env", "exactly when"),
        ("name =", None, "not valid TOML"),
        (GOOD.replace("https://a", "https://a/", 1), "base_url", "without a slash"),
        (GOOD + 'also_at = { anthropic = "https://a/" }\n', "also_at.anthropic", "without a slash"),
        (GOOD + 'also_at = { openai_chat = "https://b" }\n', "also_at", "own format"),
        (GOOD + 'also_speaks = ["openai_chat"]\n', "also_speaks", "own format"),
        (GOOD + 'also_at = { morse = "https://b" }\n', "also_at", "Invalid enum value"),
        (GOOD + 'auth = "basic"\n', None, "not valid TOML"),
        (GOOD.replace("bearer", "basic"), "auth", "Invalid enum value"),
        (GOOD + 'paths = "somewhere"\n', "paths", "Invalid enum value"),
        (GOOD + 'list = "rss"\n', "list", "Invalid enum value"),
        (GOOD + 'quirks = ["limping"]\n', "quirks", "no quirk `limping`"),
        (GOOD.replace("https://a", "https://{region}.a", 1), "base_url", "no variable `region`"),
        (PLACED + 'kind = "word"\n', "variables[...]", "unknown field `kind`"),
        (PLACED + 'pattern = "("\n', "variables.region", "no pattern"),
        (PLACED + 'default = "a.b"\n', "variables.region", "does not match"),
        (PLACED + '[places.host]\nof = "site"\nvalues = {}\notherwise = ""\n', "places.host", "no variable `site`"),
        (GOOD + '[headers]\nX-Team = "a"\n', "headers.X-Team", "lower-case"),
        (GOOD + '[headers]\nx-team = "a\\r\\nb"\n', "headers.x-team", "printable"),
        (GOOD + "facts = { size = 1 }\n", "facts", "no such facts: size"),
        (GOOD + 'facts = { thinking = "hard" }\n', "facts", "Invalid enum value"),
        (GOOD + FAILURE, "failures[0]", "nothing of what they mean"),
        (GOOD + '[[failures]]\nfault = "quota"\n', "failures[0]", "nothing of the errors"),
        (GOOD + FAILURE + 'fault = "bad luck"\n', "failures[0].fault", "Invalid enum value"),
        (GOOD + FAILURE + 'then = "give_up"\n', "failures[0].then", "Invalid enum value"),
        (GOOD + FAILURE + 'rest = "target"\n', "failures[0].rest", "Invalid enum value"),
        (GOOD + FAILURE + 'fault = "quota"\nword = "a"\n', "failures[0]", "unknown field `word`"),
        (GOOD + FAILURE + 'fault = "quota"\ncontains = ["Credit"]\n', "failures[0]", "lower-case"),
        (GOOD + 'failures_like = "b"\n', "failures_like", "no preset `b`"),
    ],
)
def test_a_wrong_preset_is_refused_with_file_and_key(text: str, key: str | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(text, tmp_path)
    assert message in caught.value.message
    assert caught.value.file == str(tmp_path / "a.toml")
    assert caught.value.key == key


def test_the_id_is_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(GOOD)
    (tmp_path / "a.toml").write_text(GOOD)
    assert list(load(tmp_path)) == ["a", "b"]


def test_failures_of_another_preset_stand_behind_a_preset_s_own(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(GOOD + FAILURE + 'fault = "quota"\n')
    preset = loaded(
        GOOD + 'failures_like = "b"\n' + FAILURE + 'contains = ["agents"]\nthen = "next_target"\n', tmp_path
    )
    assert preset.rules == (
        FailureRule(status=(403,), contains=("agents",), then="next_target"),
        FailureRule(status=(403,), fault="quota"),
    )


def test_how_its_list_of_models_reads_is_its_format_s_own_way_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert (loaded(GOOD, tmp_path).listed, loaded(GOOD, tmp_path).listed_at) == ("openai", "")
    placed = loaded(GOOD + 'list = "ollama"\nmodels_path = "/api/tags"\n', tmp_path)
    assert (placed.listed, placed.listed_at) == ("ollama", "/api/tags")
    assert loaded(GOOD + 'list = "none"\n', tmp_path).listed_at is None


def test_facts_of_a_provider_are_of_all_its_models(tmp_path: Path) -> None:
    assert presets()["vertex"].model_facts == (("*", ModelFacts(provider="vertex")),)
    assert loaded(GOOD, tmp_path).model_facts == ()


# Places


def test_a_variable_is_what_is_said_else_what_the_environment_says_else_the_usual() -> None:
    region = Variable(about="where", env=("A", "B"), default="here")
    assert region.value("said", {"A": "a"}) == "said"
    assert region.value("", {"A": " ", "B": "b"}) == "b"
    assert region.value("", {}) == "here"


def test_what_is_missing_is_named_with_where_to_say_it() -> None:
    with pytest.raises(ValueError, match=r"set `variables\.resource`, or AZURE_RESOURCE_NAME in the environment: name"):
        presets()["azure"].values({}, {})
    with pytest.raises(ValueError, match="there is no variable `regoin`: there are `region`"):
        presets()["bedrock"].values({"regoin": "us-east-1"}, {})
    with pytest.raises(ValueError, match="there is no variable `region`"):
        presets()["openai"].values({"region": "eu"}, {})


def test_at_another_address_what_only_the_own_one_needs_may_be_missing() -> None:
    assert presets()["azure"].values({}, {}, elsewhere=True) == {"api_version": "2024-10-21"}


HOSTS = [
    "evil.example.com",
    "evil.example.com/",
    "a.evil",
    "a@evil",
    "a/b",
    "a#",
    "a?b",
    "a:1",
    "a\\b",
    "a b",
    "..",
    "%2e",
]


@pytest.mark.parametrize("value", [*HOSTS, "a\n", "ä", "-a", "{region}"])
@pytest.mark.parametrize("name", sorted(name for name, preset in presets().items() if preset.variables))
def test_no_value_leads_to_another_host(name: str, value: str) -> None:
    """Whoever may say a variable must not have the provider's secrets sent to a server of their own."""
    preset = presets()[name]
    for variable in preset.variables:
        with pytest.raises(ValueError, match=f"`variables.{variable}` must match"):
            preset.values({**values_for(preset), variable: value}, {})


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
    ],
)
@pytest.mark.parametrize("name", ["vertex", "vertex-anthropic", "vertex-openai"])
def test_locations_of_vertex_have_their_own_hosts(name: str, location: str, host: str) -> None:
    preset = presets()[name]
    address = preset.address(preset.values({"project": "acme-1", "location": location}, {}))
    assert address.startswith(f"https://{host}/v1/projects/acme-1/locations/{location}/")


def test_an_address_is_its_own_only_with_the_same_values() -> None:
    azure = presets()["azure"]
    assert azure.is_at("https://acme.openai.azure.com/openai", {"resource": "acme"})
    assert not azure.is_at("https://acme.openai.azure.com/openai", {"resource": "other"})
    assert not azure.is_at("https://acme.openai.azure.com/openai", {})


def test_the_plan_of_qwen_is_at_the_site_where_it_was_bought() -> None:
    plan = presets()["qwen-coding"]
    assert plan.address(plan.values({"site": "cn"}, {})) == "https://coding.dashscope.aliyuncs.com/v1"
    assert plan.address(plan.values({}, {})) == "https://coding-intl.dashscope.aliyuncs.com/v1"
