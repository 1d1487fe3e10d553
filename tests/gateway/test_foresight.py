"""What pages are told of models and of what would become of requests, by a real control process."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest

from gateway.settings.objects import (
    AliasSettings,
    ComboSettings,
    CredentialSettings,
    PriceSettings,
    ProviderSettings,
)
from tests.gateway.control.process import FORWARDED, Answer, ControlProcess, running, settings_in

PROVIDERS = (
    ProviderSettings(
        id="openai",
        format="openai_chat",
        base_url="http://127.0.0.1:9/v1",
        models=("gpt-4o", "gpt-4o-mini"),
        credentials=(CredentialSettings(name="a", api_key="sk-a"), CredentialSettings(name="b", api_key="sk-b")),
    ),
    ProviderSettings(id="lab", format="anthropic", base_url="http://127.0.0.1:9", models=("tiny",)),
)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    directory = tmp_path_factory.mktemp("foresight")
    settings = settings_in(
        directory,
        providers=PROVIDERS,
        aliases=(AliasSettings("fast", "openai/gpt-4o-mini"),),
        combos=(ComboSettings("smart", ("lab/tiny", "openai/gpt-4o")),),
        prices=(PriceSettings(model="openai/gpt-4o", input=1.5, output=6),),
    )
    with running(directory, settings, demo=True) as process:
        yield process


def look(control: ControlProcess, path: str) -> Answer:
    forwarded = {**FORWARDED, "x-sluicegate-client": "127.0.0.1", "x-sluicegate-scheme": "http"}
    return control.ask(path, {**forwarded, "x-sluicegate-host": "localhost", "host": "localhost"})


def test_models_are_told_with_what_they_cost(control: ControlProcess) -> None:
    text = html.unescape(look(control, "/models").text)
    for shown in ("openai/gpt-4o", "openai/gpt-4o-mini", "lab/tiny", "$1.50", "override", "no price"):
        assert shown in text, shown


def test_an_override_is_told_with_the_row_it_takes_the_place_of(control: ControlProcess) -> None:
    text = html.unescape(look(control, "/models/prices").text)
    assert "models.dev openai/gpt-4o of" in text
    assert "1 model<" in text


@pytest.mark.parametrize(
    ("model", "first"),
    [("smart", "It would go to lab/tiny."), ("fast", "It would go to openai/gpt-4o-mini with the credential a.")],
)
def test_where_a_request_would_go_is_told(control: ControlProcess, model: str, first: str) -> None:
    text = html.unescape(look(control, f"/models/where?model={model}").text)
    assert first in text
    assert "asked first" in text


def test_what_nobody_serves_would_be_refused(control: ControlProcess) -> None:
    text = html.unescape(look(control, "/models/where?model=nobody-knows").text)
    assert "It would be refused: 404" in text
    assert "There is no endpoint /v9" in look(control, "/models/where?model=fast&endpoint=/v9").text
    assert "There is no key x-key." in look(control, "/models/where?model=fast&key=x-key").text
