"""`sluicegate user` lists and mends users on the database itself, and asks for passwords without showing them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import claims
from gateway.commands.user import command
from gateway.management.sessions import Started
from gateway.store.generations import Generations, shared_file
from tests.gateway.management.crowd import PASSWORD, Clock, add, begin, log_in
from tests.gateway.management.offices import office_in

EMAIL = "ann@example.com"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def run(data_dir: Path, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(command, [*arguments, "--data-dir", str(data_dir)], input=stdin)


def done(data_dir: Path, *arguments: str, stdin: str = "") -> str:
    result = run(data_dir, *arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def shown(data_dir: Path, *arguments: str, stdin: str = "") -> Any:
    return json.loads(done(data_dir, *arguments, "--json", stdin=stdin))


def refused(data_dir: Path, *arguments: str, stdin: str = "") -> str:
    result = run(data_dir, *arguments, stdin=stdin)
    assert result.exit_code == 1
    assert result.stderr.startswith("sluicegate: ")
    return result.stderr


def try_password(data_dir: Path, password: str) -> Started:
    async def work() -> Started:
        async with office_in(data_dir) as office:
            return await log_in(office, EMAIL, password)

    return asyncio.run(work())


def test_the_first_user_is_added_before_the_gateway_ever_ran(data_dir: Path) -> None:
    told = done(data_dir, "add", EMAIL, "--role", "owner", "--name", "Ann")
    assert told.startswith("added ann@example.com as owner\nopen this before 20")
    assert "\nhttp://127.0.0.1:8080/password?token=slg-lnk-" in told
    (user,) = shown(data_dir, "list")
    assert (user["email"], user["role"], user["name"], user["has_password"]) == (EMAIL, "owner", "Ann", False)
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in data_dir.iterdir()} == {0}


def test_a_password_comes_from_standard_input(data_dir: Path) -> None:
    made = shown(data_dir, "add", EMAIL, "--password", stdin=f"{PASSWORD}\n")
    assert made["link"] is None
    assert made["user"]["has_password"]
    try_password(data_dir, PASSWORD)
    assert "at least 12 characters" in refused(data_dir, "password", EMAIL, stdin="short\n")
    assert done(data_dir, "password", EMAIL, stdin="copper meadow window\n") == f"{EMAIL} has a new password\n"
    try_password(data_dir, "copper meadow window")


def test_no_option_takes_a_password() -> None:
    for name, each in command.commands.items():
        for option in each.params:
            assert "password" not in (option.name or "") or getattr(option, "is_flag", False), name


def test_users_are_listed_as_a_table(data_dir: Path) -> None:
    done(data_dir, "add", EMAIL, "--role", "owner")
    done(data_dir, "add", "bo@example.com", "--name", "Bo")
    assert done(data_dir, "list").splitlines() == [
        "EMAIL            ROLE    STATE   PASSWORD  LAST LOGIN  NAME",
        "bo@example.com   member  active  no        never       Bo",
        "ann@example.com  owner   active  no        never",
    ]
    assert [user["email"] for user in shown(data_dir, "list", "--role", "owner")] == [EMAIL]
    assert [user["email"] for user in shown(data_dir, "list", "--search", "BO")] == ["bo@example.com"]


def test_a_user_gets_another_role_is_disabled_and_enabled(data_dir: Path) -> None:
    done(data_dir, "add", EMAIL)
    assert done(data_dir, "role", EMAIL, "admin") == f"{EMAIL} is admin\n"
    assert done(data_dir, "disable", "Ann@Example.com") == f"{EMAIL} is disabled\n"
    assert shown(data_dir, "list")[0]["disabled"]
    assert shown(data_dir, "enable", EMAIL)["disabled"] is False


def test_a_running_gateway_hears_of_it(data_dir: Path) -> None:
    done(data_dir, "add", EMAIL)
    generations = Generations(shared_file(data_dir))
    before = generations.of("people"), generations.of("keys")
    done(data_dir, "disable", EMAIL)
    assert (generations.of("people"), generations.of("keys")) == (before[0] + 1, before[1] + 1)
    generations.close()


def test_links_lead_to_the_gateway_that_runs_or_to_its_public_address(data_dir: Path, tmp_path: Path) -> None:
    done(data_dir, "add", EMAIL)
    (data_dir / "run").mkdir()
    running = claims.Announcement(pid=1, url="http://127.0.0.1:9", version="0", started_at="")
    claims.announce(data_dir, running)
    assert "\nhttp://127.0.0.1:9/password?token=slg-lnk-" in done(data_dir, "password", EMAIL, "--link")
    config = tmp_path / "a.toml"
    config.write_text('[server]\npublic_url = "https://llm.example.com/"\n')
    told = done(data_dir, "setup-link", "--config", str(config))
    assert "\nhttps://llm.example.com/setup?token=slg-lnk-" in told


def test_the_setup_link_is_for_gateways_without_an_owner(data_dir: Path) -> None:
    assert shown(data_dir, "setup-link")["purpose"] == "setup"
    done(data_dir, "add", EMAIL, "--role", "owner")
    assert "there is an owner already" in refused(data_dir, "setup-link")


def test_a_user_is_logged_out_everywhere(data_dir: Path) -> None:
    async def come() -> None:
        async with office_in(data_dir) as office:
            office._clock = Clock()
            user = await add(office, "ann")
            await begin(office, user)
            await begin(office, user)

    data_dir.mkdir()
    asyncio.run(come())
    assert done(data_dir, "end-sessions", EMAIL) == "2 sessions ended\n"
    assert shown(data_dir, "end-sessions", EMAIL) == {"ended": 0}


def test_what_cannot_be_done_is_said_in_one_line(data_dir: Path, tmp_path: Path) -> None:
    assert "no data directory" in refused(data_dir, "list")
    assert not data_dir.exists()
    done(data_dir, "add", EMAIL, "--role", "owner")
    assert "There is no user bob@example.com." in refused(data_dir, "disable", "bob@example.com")
    assert "already" in refused(data_dir, "add", EMAIL)
    assert "last owner" in refused(data_dir, "disable", EMAIL)
    assert "no e-mail address" in refused(data_dir, "add", "nonsense")
    config = tmp_path / "a.toml"
    config.write_text("[server]\nlissten = 1\n")
    assert "a.toml:2" in refused(data_dir, "list", "--config", str(config))
    (data_dir / "vault.key").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    assert "not the vault key" in refused(data_dir, "list")


def test_a_providers_secret_need_not_be_at_hand(data_dir: Path, tmp_path: Path) -> None:
    config = tmp_path / "a.toml"
    config.write_text('[[client_keys]]\nname = "team"\nkey_env = "NOT_SET_ANYWHERE"\n')
    assert "added" in done(data_dir, "add", EMAIL, "--config", str(config))
