"""Secrets that are more than a key are looked at when they are given, by the rules of whoever is shown them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import Unacceptable
from gateway.management import configuration
from gateway.management.configured import CredentialView
from gateway.management.office import Office
from gateway.settings.stored import Kind
from tests.gateway.management.offices import OPERATOR, office_in
from tests.google_token_server import key_file

CANARY = "canary0of0a0secret"
PROVIDERS = (
    {"id": "vertex", "variables": {"project": "a-project", "location": "europe-west1"}},
    {"id": "bedrock", "variables": {"region": "us-east-1"}},
    {"id": "openai"},
)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as office:
        for provider in PROVIDERS:
            await configuration.create_object(office, OPERATOR, "provider", provider)
        yield office


async def given(office: Office, provider: str, secret: str) -> CredentialView:
    values = {"provider": provider, "name": "main", "api_key": secret}
    made = await configuration.create_object(office, OPERATOR, "credential", values)
    assert isinstance(made, CredentialView)
    return made


WRONG = {
    "a key for an account": ("vertex", CANARY, "it is not JSON"),
    "an account of another kind": ("vertex", key_file(type="authorized_user"), "only the key file of a service acc"),
    "an account without its key": ("vertex", key_file(private_key=None), "it has no `private_key`"),
    "a key that is no PEM": ("vertex", key_file(private_key=CANARY), "as a private key in PEM does"),
    "a token address in the clear": ("vertex", key_file(token_uri=f"http://{CANARY}.example"), "https://"),
    "half of a pair": ("bedrock", f"{CANARY}:", "its secret access key or its session token is empty"),
    "four parts": ("bedrock", f"{CANARY}:b:c:d", "more than three parts"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_secret_that_its_provider_cannot_be_shown_is_refused(office: Office, name: str) -> None:
    provider, secret, reason = WRONG[name]
    with pytest.raises(Unacceptable) as refused:
        await given(office, provider, secret)
    assert reason in refused.value.message
    assert CANARY not in refused.value.message
    assert refused.value.param == "api_key"


RIGHT = {
    "a service account": ("vertex", key_file()),
    "a pair of keys": ("bedrock", "AKIDEXAMPLEEXAMPLE00:secret"),
    "an API key of Bedrock": ("bedrock", CANARY),
    "a key that is sent as it is": ("openai", CANARY),
}


@pytest.mark.parametrize("name", RIGHT)
async def test_any_other_is_taken(office: Office, name: str) -> None:
    made = await given(office, *RIGHT[name])
    assert made.version == 1


async def test_a_new_secret_is_looked_at_and_one_that_stays_is_not(office: Office) -> None:
    made = await given(office, "vertex", key_file())
    which: tuple[Kind, str] = ("credential", "vertex/main")
    moved = await configuration.change_object(office, OPERATOR, which, {"position": 3}, made.version)
    assert moved.version == 2
    with pytest.raises(Unacceptable, match="it is not JSON"):
        await configuration.change_object(office, OPERATOR, which, {"api_key": CANARY}, moved.version)
