from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from gateway.errors import Conflict, ManagedByFile, NotPermitted, Unacceptable, UnknownResource, VersionMismatch
from gateway.management import audit, configuration
from gateway.management.configured import VIEWS, AliasView, CredentialView, ProviderView
from gateway.management.office import Office
from gateway.settings.model import Settings
from gateway.settings.objects import AliasSettings, CredentialSettings, ProviderSettings
from tests.gateway.management.offices import OPERATOR, office_in, somebody

SECRET = "sk-canary-of-a-credential"
FILE = Settings(
    providers=(
        ProviderSettings(
            id="filed",
            format="openai_chat",
            base_url="http://127.0.0.1:1/v1",
            proxy="none",
            credentials=(CredentialSettings(name="first", api_key="sk-of-the-file"),),
        ),
    ),
    aliases=(AliasSettings(name="fast", target="filed/small"),),
)
ORIGINS = {
    "providers.filed": "sluicegate.toml:3",
    "credentials.filed/first": "sluicegate.toml:8",
    "aliases.fast": "sluicegate.toml:12",
    "stream.keepalive_seconds": "sluicegate.toml:1",
}
MINE = {"id": "mine", "format": "anthropic", "base_url": "https://192.0.43.8", "headers": {"x-team": SECRET}}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path, settings=FILE, origins=ORIGINS) as office:
        yield office


async def provider(office: Office, name: str) -> ProviderView:
    found = await configuration.get_object(office, OPERATOR, "provider", name)
    assert isinstance(found, ProviderView)
    return found


def files_with(secret: str, directory: Path) -> list[Path]:
    return [each for each in directory.rglob("*") if each.is_file() and secret.encode() in each.read_bytes()]


async def test_what_the_file_says_is_shown_with_its_place_and_cannot_be_changed(office: Office) -> None:
    shown = await provider(office, "filed")
    assert (shown.managed.by, shown.managed.origin, shown.version) == ("file", "sluicegate.toml:3", None)
    assert (shown.credentials, shown.guarded) == (("first",), False)
    with pytest.raises(ManagedByFile, match=r"managed by sluicegate.toml:3: change it there"):
        await configuration.change_object(
            office, OPERATOR, ("provider", "filed"), {"base_url": "https://192.0.43.9"}, None
        )
    with pytest.raises(ManagedByFile):
        await configuration.delete_object(office, OPERATOR, ("alias", "fast"), None)
    with pytest.raises(ManagedByFile):
        await configuration.create_object(office, OPERATOR, "alias", {"name": "fast", "target": "filed/large"})
    with pytest.raises(ManagedByFile):
        await configuration.set_value(office, OPERATOR, "stream.keepalive_seconds", 1.0, None)


async def test_a_provider_is_made_changed_and_deleted(office: Office) -> None:
    made = await configuration.create_object(office, OPERATOR, "provider", MINE)
    assert isinstance(made, ProviderView)
    assert (made.managed.by, made.version, made.guarded) == ("database", 1, True)
    before = office.generations.of("configuration")
    changed = await configuration.change_object(office, OPERATOR, ("provider", "mine"), {"models": ["claude-*"]}, 1)
    assert isinstance(changed, ProviderView)
    assert (changed.models, changed.version) == (("claude-*",), 2)
    assert changed.fingerprints == made.fingerprints, "a secret that is not said stays"
    assert office.generations.of("configuration") == before + 1
    with pytest.raises(VersionMismatch):
        await configuration.delete_object(office, OPERATOR, ("provider", "mine"), 1)
    await configuration.delete_object(office, OPERATOR, ("provider", "mine"), 2)
    with pytest.raises(UnknownResource):
        await provider(office, "mine")


async def test_credentials_belong_to_providers_of_the_file_and_of_the_database(office: Office, tmp_path: Path) -> None:
    await configuration.create_object(office, OPERATOR, "provider", MINE)
    for name in ("filed", "mine"):
        values = {"provider": name, "name": "second", "api_key": SECRET}
        made = await configuration.create_object(office, OPERATOR, "credential", values)
        assert isinstance(made, CredentialView)
        assert list(made.fingerprints) == ["api_key"]
    assert (await provider(office, "filed")).credentials == ("first", "second")
    values = {"provider": "nowhere", "name": "second", "api_key": SECRET}
    with pytest.raises(Unacceptable, match="no provider `nowhere`"):
        await configuration.create_object(office, OPERATOR, "credential", values)
    assert files_with(SECRET, tmp_path) == []


async def test_what_others_need_is_not_taken_from_them(office: Office) -> None:
    await configuration.create_object(office, OPERATOR, "provider", MINE)
    await configuration.create_object(office, OPERATOR, "alias", {"name": "clever", "target": "mine/claude-big"})
    with pytest.raises(Unacceptable, match="others depend on it: alias `clever`"):
        await configuration.delete_object(office, OPERATOR, ("provider", "mine"), None)
    with pytest.raises(Unacceptable, match="others depend on it"):
        await configuration.change_object(office, OPERATOR, ("provider", "mine"), {"models": ["gpt-*"]}, None)
    assert (await provider(office, "mine")).models == ("*",)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("provider", {**MINE, "base_url": "ftp://x"}, "base_url"),
        ("provider", {**MINE, "headers": {"host": "x"}}, "headers"),
        ("provider", {**MINE, "id": "no preset", "format": None}, "`"),
        ("alias", {"name": "two words", "target": "filed/small"}, "no spaces"),
        ("alias", {"name": "lost", "target": "nowhere/model"}, "no provider `nowhere`"),
        ("combo", {"name": "both", "targets": []}, "targets"),
        ("price", {"model": "mine/*", "input": -1, "output": 1}, "input"),
        ("credential", {"provider": "filed", "name": "x", "api_key": "two words"}, "no header can carry"),
    ],
)
async def test_what_the_file_could_not_say_is_refused_in_the_same_words(
    office: Office, kind: str, values: dict[str, object], message: str
) -> None:
    with pytest.raises(Unacceptable, match=message) as refused:
        await configuration.create_object(office, OPERATOR, kind, values)  # type: ignore[arg-type]
    assert SECRET not in str(refused.value)
    assert await office.read(lambda session: session.rows("configuration/all")) == []


async def test_a_name_is_there_once(office: Office) -> None:
    await configuration.create_object(office, OPERATOR, "alias", {"name": "slow", "target": "filed/large"})
    with pytest.raises(Conflict, match="There is an alias `slow` already"):
        await configuration.create_object(office, OPERATOR, "alias", {"name": "slow", "target": "filed/large"})


async def test_settings_are_set_and_go_back_to_what_they_were(office: Office) -> None:
    before = await configuration.get_setting(office, OPERATOR, "stream.idle_timeout_seconds")
    assert (before.managed.by, before.value) == ("default", before.default)
    after = await configuration.set_value(office, OPERATOR, "stream.idle_timeout_seconds", 7.5, None)
    assert (after.managed.by, after.value, after.version) == ("database", 7.5, 1)
    await configuration.delete_object(office, OPERATOR, ("setting", "stream.idle_timeout_seconds"), 1)
    assert await configuration.get_setting(office, OPERATOR, "stream.idle_timeout_seconds") == before


async def test_a_setting_that_only_the_file_may_say_says_why(office: Office) -> None:
    shown = await configuration.get_setting(office, OPERATOR, "server.listen")
    assert not shown.changeable
    assert shown.reason
    with pytest.raises(Unacceptable, match="for the configuration file alone"):
        await configuration.set_value(office, OPERATOR, "server.listen", "127.0.0.1:1", None)
    with pytest.raises(UnknownResource):
        await configuration.set_value(office, OPERATOR, "stream.nothing", 1, None)
    with pytest.raises(Unacceptable, match="value"):
        await configuration.set_value(office, OPERATOR, "stream.idle_timeout_seconds", "long", None)


async def test_every_setting_has_its_words(office: Office) -> None:
    for setting in await configuration.list_settings(office, OPERATOR):
        assert setting.description, setting.path


async def test_no_view_and_no_audit_entry_has_a_secret(office: Office) -> None:
    await configuration.create_object(office, OPERATOR, "provider", MINE)
    await configuration.create_object(
        office, OPERATOR, "credential", {"provider": "mine", "name": "one", "api_key": SECRET}
    )
    await configuration.set_value(office, OPERATOR, "upstream.proxy", f"http://u:{SECRET}@192.0.43.8:1", None)
    shown: list[object] = [await configuration.list_settings(office, OPERATOR)]
    shown += [await configuration.list_objects(office, OPERATOR, kind) for kind in VIEWS]
    shown.append(await audit.list_entries(office, OPERATOR, audit.AuditFilter(), after_id=None, limit=50))
    assert SECRET not in str(shown)
    assert "sk-of-the-file" not in str(shown)


async def test_reading_and_writing_need_their_permissions(office: Office) -> None:
    assert isinstance((await configuration.list_objects(office, somebody("viewer"), "alias"))[0], AliasView)
    with pytest.raises(NotPermitted):
        await configuration.create_object(office, somebody("viewer"), "alias", {"name": "a", "target": "filed/x"})
    with pytest.raises(NotPermitted):
        await configuration.list_objects(office, somebody("pending"), "alias")


async def test_secrets_sealed_with_a_lost_key_are_missing_and_said_so(office: Office) -> None:
    await configuration.create_object(
        office, OPERATOR, "credential", {"provider": "filed", "name": "two", "api_key": SECRET}
    )
    await office.state.write(
        lambda session: session.run(
            "vault/reseal_object", {"kind": "credential", "name": "filed/two", "sealed": b"\x01rubbish"}
        )
    )
    shown = await configuration.get_object(office, OPERATOR, "credential", "filed/two")
    assert shown.managed.problem == "the secret is missing"
    assert orjson.dumps(shown.managed.by) == b'"database"'


async def test_how_people_log_in_is_for_owners_to_say(office: Office) -> None:
    with pytest.raises(NotPermitted, match="people:owner"):
        await configuration.set_value(office, somebody("admin"), "login.passwords", False, None)
    made = await configuration.set_value(office, OPERATOR, "login.passwords", False, None)
    with pytest.raises(NotPermitted, match="people:owner"):
        await configuration.delete_object(office, somebody("admin"), ("setting", "login.passwords"), made.version)
