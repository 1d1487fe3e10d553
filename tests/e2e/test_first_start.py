"""The first start: a vault key and a link are made, and whoever uses the link owns the gateway."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway import operator
from gateway.credentials.keyfile import make_file
from tests.children.running import Running, running
from tests.gateway.commands.calling import says
from tests.waiting import until

EMAIL, PASSWORD = "ann@example.com", "four words in a row"
KEYS = '[[client_keys]]\nname = "team"\nkey = "sk-canary-team"\n'


@contextmanager
def started(directory: Path, *arguments: str) -> Iterator[Running]:
    """A gateway that answers, its control process too."""
    with running(directory, *arguments, command=("gateway", "serve")) as gateway:
        assert gateway.url
        until(lambda: gateway.get("/login")[0] == 200)
        yield gateway


def lines(gateway: Running) -> list[str]:
    return gateway.out.read_text().splitlines()


def link(gateway: Running) -> str:
    """The setup link, once it has been said."""
    said: Sequence[str] = until(lambda: re.findall(r"^Set up: (\S+/setup\?token=\S+) ", gateway.out.read_text(), re.M))
    (found,) = said
    return found


def set_up(url: str) -> int:
    """The status of sending the form behind a link; that of the page where there is no form."""
    address, cookies = url.partition("?")[0], ""
    with httpx.Client(trust_env=False) as browser:
        for each in (url, address):
            page = browser.get(each, headers={"cookie": cookies})
            # A browser keeps them on this machine, though they are for TLS only; the library does not.
            given = [cookie.partition(";")[0] for cookie in page.headers.get_list("set-cookie")]
            cookies = "; ".join([*given, cookies] if cookies else given)
        if page.status_code != 200:
            return page.status_code
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
        form |= {"email": EMAIL, "password": PASSWORD, "again": PASSWORD}
        origin = address.removesuffix("/setup")
        return browser.post(address, data=form, headers={"cookie": cookies, "origin": origin}).status_code


def refused(directory: Path, *arguments: str) -> str:
    """The one line of a gateway that does not start."""
    with running(directory, *arguments, command=("gateway", "serve")) as gateway:
        assert gateway.process.wait(10) == 1
        (line,) = gateway.err.read_text().splitlines()
        return line


def test_the_first_owner_is_made_once_by_whoever_has_the_link(tmp_path: Path) -> None:
    with started(tmp_path) as gateway:
        url = link(gateway)
        assert lines(gateway)[0] == f"Sluicegate answers on {gateway.url}"
        assert url.startswith(f"{gateway.url}/setup?token=slg-lnk-")
        key = gateway.data_dir / "vault.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert set_up(f"{gateway.url}/setup?token=slg-lnk-{'A' * 43}") == 404
        assert set_up(url) == 303
        owners = operator.ask(gateway.data_dir, "/api/users", {"role": "owner"})["items"]
        assert [owner["email"] for owner in owners] == [EMAIL]
        assert set_up(url) in (404, 409)
        token = url.rpartition("=")[2]
        assert gateway.stop() == 0
        assert token not in gateway.err.read_text()
        assert token.encode() not in b"".join(path.read_bytes() for path in gateway.data_dir.glob("state*"))
    (tmp_path / "out").unlink()
    with started(tmp_path) as gateway:
        assert gateway.stop() == 0
        assert lines(gateway) == [f"Sluicegate answers on {gateway.url}"]


def test_a_restart_prints_another_link_and_the_former_is_void(tmp_path: Path) -> None:
    with started(tmp_path, "--demo") as gateway:
        former = link(gateway).rpartition("=")[2]
        assert gateway.stop() == 0
    with started(tmp_path, "--demo") as gateway:
        latter = link(gateway)
        assert set_up(f"{gateway.url}/setup?token={former}") == 404
        made = says("user", "setup-link", "--data-dir", gateway.data_dir).split()[-1]
        assert made.startswith(f"{gateway.url}/setup?token=")
        assert set_up(latter) == 404
        assert set_up(made) == 303


def test_a_key_that_does_not_open_the_database_ends_the_start(tmp_path: Path) -> None:
    with started(tmp_path) as gateway:
        key = gateway.data_dir / "vault.key"
        assert gateway.stop() == 0
    key.unlink()
    assert refused(tmp_path) == f"sluicegate: there is no vault key: {key} is missing"
    assert not key.exists(), "another one would not open it either"
    make_file(key)
    line = refused(tmp_path)
    assert line.startswith(f"sluicegate: {key} is not the vault key that sealed the secrets in the database; give")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_an_address_that_others_can_reach_needs_somebody_who_looks_after_it(host: str, tmp_path: Path) -> None:
    public = ("--listen", f"{host}:0")
    line = refused(tmp_path, *public)
    assert line.startswith("sluicegate: ")
    assert "run `sluicegate user add --role owner` first" in line
    says("user", "add", EMAIL, "--role", "owner", "--data-dir", tmp_path / "data")
    with running(tmp_path, *public, command=("gateway", "serve")) as gateway:
        assert gateway.url.startswith(f"http://{host}:")
        assert gateway.stop() == 0


def test_client_keys_in_the_file_are_enough_for_one_without_people(tmp_path: Path) -> None:
    config = tmp_path / "sluicegate.toml"
    config.write_text(KEYS)
    with running(tmp_path, "--listen", "0.0.0.0:0", "--config", str(config), command=("gateway", "serve")) as gateway:
        assert gateway.url
        assert link(gateway)
        assert gateway.stop() == 0
