from __future__ import annotations

from gateway.formats.table import FORMATS
from gateway.settings.model import LoginProviderSettings, LoginSettings, ServerSettings, Settings
from gateway.settings.objects import ClientKeySettings, ModelFactsSettings, ProviderSettings
from gateway.settings.remarks import NO_KEYS, warnings

KEY = ClientKeySettings(name="team", key="sk-12345678")


def test_that_nobody_gets_in_without_a_key_is_said() -> None:
    assert warnings(Settings()) == [NO_KEYS]


def test_nothing_is_said_when_everything_is_as_it_looks() -> None:
    facts = (ModelFactsSettings(model="*"),)
    providers = tuple(ProviderSettings(id=each.name, format=each.name, model_facts=facts) for each in FORMATS.values())
    assert warnings(Settings(client_keys=(KEY,), providers=providers)) == []


def test_logins_that_anybody_can_read_are_named_where_others_can_reach_us() -> None:
    login = LoginSettings(insecure=True)
    assert warnings(Settings(client_keys=(KEY,), login=login)) == []
    public = ServerSettings(listen="0.0.0.0:80")
    (warning,) = warnings(Settings(client_keys=(KEY,), login=login, server=public))
    assert warning.startswith("login.insecure: ")


def test_a_login_that_makes_everybody_an_admin_is_named() -> None:
    corp = LoginProviderSettings(id="corp", client_id="a", default_role="admin")
    (warning,) = warnings(Settings(client_keys=(KEY,), login=LoginSettings(providers=(corp,))))
    assert warning.startswith("login provider `corp`: whoever may log in there becomes admin here")
