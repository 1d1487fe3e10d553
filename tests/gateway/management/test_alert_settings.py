"""Who is told of alerts, set by API: secrets that are not said anew stay with what they were given for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from gateway.errors import ManagedByFile, Unacceptable
from gateway.management import audit, configuration, export, importing
from gateway.management.audit import AuditFilter
from gateway.management.configured import SettingView
from gateway.management.documents import StateDocument
from gateway.management.export import ExportWish
from gateway.management.importing import ImportWish
from gateway.management.office import Office
from gateway.settings.alerting import AlertSettings
from gateway.settings.model import NetworkSettings, Settings
from tests.gateway.management.offices import OPERATOR, office_in, somebody

HERE, THERE = "https://192.0.43.8/hook/canary-in-a-path", "https://192.0.43.9/hook"
KEY = "canary of a signing key"
PASSWORD = "canary of a password"

HOOK = {"name": "ops", "url": HERE, "secret": KEY}
MAIL = {
    "host": "192.0.43.8",
    "port": 587,
    "security": "starttls",
    "user": "us",
    "password": PASSWORD,
    "sender": "gateway@example.com",
    "to": ["ops@example.com"],
}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as office:
        yield office


def files_with(secret: bytes, directory: Path) -> list[Path]:
    return [each for each in directory.rglob("*") if each.is_file() and secret in each.read_bytes()]


async def put(office: Office, name: str, value: Any) -> SettingView:
    return await configuration.set_value(office, OPERATOR, f"alerts.{name}", value, None)


async def in_force(office: Office) -> AlertSettings:
    found = await office.read(lambda session: configuration.configured(office, session))
    return found.effective.settings.alerts


def without(table: dict[str, Any], *names: str, **changes: Any) -> dict[str, Any]:
    return {**{name: value for name, value in table.items() if name not in names}, **changes}


async def test_nobody_is_shown_a_secret(office: Office, tmp_path: Path) -> None:
    shown = (await put(office, "webhooks", [HOOK]), await put(office, "email", MAIL))
    entries = await audit.list_entries(office, OPERATOR, AuditFilter(), after_id=None, limit=10)
    told = msgspec.json.encode((shown, entries)).decode()
    assert not [secret for secret in ("canary", PASSWORD, KEY) if secret in told]
    assert [one["name"] for one in shown[0].value] == ["ops"]
    assert not {"url", "secret"} & shown[0].value[0].keys()
    assert shown[0].fingerprints.keys() == {"value.ops.url", "value.ops.secret"}
    assert shown[1].fingerprints.keys() == {"value.password"}
    assert shown[1].value["host"] == "192.0.43.8"
    assert not files_with(b"canary", tmp_path)


async def test_what_is_not_said_anew_stays(office: Office) -> None:
    await put(office, "webhooks", [HOOK])
    await put(office, "webhooks", [without(HOOK, "url", "secret", format="slack"), {"name": "other", "url": THERE}])
    ops, other = (await in_force(office)).webhooks
    assert (ops.url, ops.secret, ops.format) == (HERE, KEY, "slack")
    assert (other.url, other.secret) == (THERE, "")
    await put(office, "webhooks", [without(HOOK, "secret", url=HERE)])
    assert (await in_force(office)).webhooks[0].secret == KEY, "the address is the same"
    await put(office, "email", MAIL)
    await put(office, "email", without(MAIL, "password", to=["other@example.com"]))
    email = (await in_force(office)).email
    assert (email.password, email.to) == (PASSWORD, ("other@example.com",))


async def test_a_signing_key_does_not_follow_a_webhook_to_another_address(office: Office) -> None:
    await put(office, "webhooks", [HOOK])
    await put(office, "webhooks", [without(HOOK, "secret", url=THERE)])
    (hook,) = (await in_force(office)).webhooks
    assert (hook.url, hook.secret) == (THERE, "")


async def test_a_webhook_that_says_no_address_and_never_had_one_is_refused(office: Office) -> None:
    await put(office, "webhooks", [HOOK])
    with pytest.raises(Unacceptable, match="expected an http") as caught:
        await put(office, "webhooks", [without(HOOK, "url", name="other")])
    assert caught.value.param == "value.0.url"


@pytest.mark.parametrize("change", [{"host": "192.0.43.9"}, {"port": 465}, {"security": "tls"}, {"user": "them"}])
async def test_a_password_does_not_follow_the_mail_server_elsewhere(office: Office, change: dict[str, Any]) -> None:
    await put(office, "email", MAIL)
    with pytest.raises(Unacceptable, match="a `user` has a `password`"):
        await put(office, "email", without(MAIL, "password", **change))
    assert (await in_force(office)).email.password == PASSWORD
    await put(office, "email", {**MAIL, **change})


@pytest.mark.parametrize(
    ("name", "value", "param"),
    [
        ("webhooks", [HOOK, {"name": "b", "url": "http://127.0.0.1:1/canary"}], "value.1.url"),
        ("webhooks", [{"name": "b", "url": "http://169.254.169.254/canary"}], "value.0.url"),
        ("webhooks", [{"name": "b", "url": "http://[::1]/canary"}], "value.0.url"),
        ("email", {**MAIL, "host": "127.0.0.1"}, "value.host"),
        ("email", {**MAIL, "host": "::1"}, "value.host"),
        ("email", without(MAIL, "port", host="10.0.0.1"), "value.host"),
    ],
)
async def test_private_addresses_are_refused_at_once(office: Office, name: str, value: Any, param: str) -> None:
    with pytest.raises(Unacceptable, match="not a public address") as caught:
        await put(office, name, value)
    assert caught.value.param == param
    assert "canary" not in caught.value.message
    assert (await in_force(office)) == AlertSettings()


async def test_private_addresses_that_are_allowed_are_taken(tmp_path: Path) -> None:
    async with office_in(tmp_path, settings=Settings(network=NetworkSettings(allow=("127.0.0.1",)))) as office:
        await put(office, "webhooks", [{"name": "b", "url": "http://127.0.0.1:1/x"}])
        await put(office, "email", {**MAIL, "host": "127.0.0.1"})


async def test_what_the_file_says_is_for_the_file_to_change(tmp_path: Path) -> None:
    async with office_in(tmp_path, origins={"alerts.webhooks": "sluicegate.toml:3"}) as office:
        with pytest.raises(ManagedByFile, match=r"sluicegate\.toml:3"):
            await put(office, "webhooks", [HOOK])


Fields = dict[str, Any]


async def fields_of(office: Office) -> Fields:
    """The configuration in a document, an object by its name."""
    document = await export.export(office, somebody("admin"), ExportWish(sections=("configuration",)))
    fields: Fields = msgspec.to_builtins(document)
    return {**fields, "configuration": {one["name"]: one for one in fields["configuration"]}}


async def bring(office: Office, fields: Fields) -> None:
    plain = {**fields, "configuration": [*fields["configuration"].values()]}
    document = msgspec.json.decode(orjson.dumps(plain, default=lambda raw: raw.decode()), type=StateDocument)
    await importing.import_document(office, OPERATOR, ImportWish(document=document))


async def test_a_document_brings_all_of_it_back(office: Office) -> None:
    await put(office, "webhooks", [HOOK])
    await put(office, "email", MAIL)
    fields, before = await fields_of(office), await in_force(office)
    assert "canary" not in repr(fields["configuration"])
    for name in ("alerts.webhooks", "alerts.email"):
        await configuration.delete_object(office, OPERATOR, ("setting", name), None)
    fields["configuration"]["alerts.email"]["spec"]["value"]["to"] = ["other@example.com"]
    await bring(office, fields)
    after = await in_force(office)
    assert after.webhooks == before.webhooks
    assert (after.email.password, after.email.to) == (PASSWORD, ("other@example.com",))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("alerts.email", {"host": "192.0.43.9"}),
        ("alerts.email", {"port": 25}),
        ("alerts.email", {"security": "tls"}),
        ("alerts.webhooks", {"url": THERE}),
    ],
)
async def test_a_document_brings_no_secret_elsewhere(office: Office, name: str, change: dict[str, Any]) -> None:
    await put(office, "webhooks", [HOOK])
    await put(office, "email", MAIL)
    fields = await fields_of(office)
    value = fields["configuration"][name]["spec"]["value"]
    (value[0] if isinstance(value, list) else value).update(change)
    with pytest.raises(Unacceptable, match="bound to the addresses they were exported with"):
        await bring(office, fields)
