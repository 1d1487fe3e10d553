from __future__ import annotations

from gateway.settings.demo import DEMO_KEY, add_demo
from gateway.settings.model import Settings
from gateway.settings.names import settle
from gateway.settings.objects import AliasSettings, ClientKeySettings, ComboSettings, ProviderSettings

MOCK_URL = "http://127.0.0.1:9"


def test_the_demo_has_everything_a_first_request_needs() -> None:
    settings = add_demo(Settings(), MOCK_URL)
    assert settings.client_keys == (ClientKeySettings(name="demo", key=DEMO_KEY),)
    assert settings.providers[0].base_url == f"{MOCK_URL}/v1"
    assert settle(settings) == settings


def test_what_the_operator_named_stays_the_operator_s() -> None:
    own = Settings(
        client_keys=(ClientKeySettings(name="demo", key="sk-12345678"),),
        providers=(ProviderSettings(id="mock", format="openai_chat", base_url="http://h"),),
        aliases=(AliasSettings(name="best", target="mock/x"),),
        combos=(ComboSettings(name="fast", targets=("mock/x",)),),
    )
    assert add_demo(own, MOCK_URL) == own


def test_the_demo_adds_to_what_is_there() -> None:
    own = Settings(client_keys=(ClientKeySettings(name="team", key="sk-12345678"),))
    assert [key.name for key in add_demo(own, MOCK_URL).client_keys] == ["team", "demo"]
