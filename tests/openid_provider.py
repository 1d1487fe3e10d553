"""A real OpenID provider for tests, a process of its own with accounts, and somebody who logs in to it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.node_packages import scripts as scripts  # noqa: PLC0414 # a fixture

CALLBACK = "/login/corp/callback"
"""Where it sends browsers back to, at any port of 127.0.0.1: the provider's `id` in the settings must be `corp`."""

NOBODY = ""
"""Logs in as nobody: turns back at the provider's page."""

ACCOUNTS: Mapping[str, Mapping[str, Any]] = {
    "ada": {"email": "ada@corp.example", "email_verified": True, "name": "Ada Lovelace", "groups": ["staff", "ops"]},
    "bob": {"email": "bob@corp.example", "email_verified": True, "name": "Bob", "groups": []},
    "eve": {"email": "eve@corp.example", "email_verified": False, "name": "Eve", "groups": ["ops"]},
    "mia": {"email": "mia@elsewhere.example", "email_verified": True, "name": "Mia", "groups": ["staff"]},
    "sam": {"name": "Sam", "groups": ["staff"]},
}
"""By subject: in groups, in none, not verified, of another domain, without e-mail."""


class OpenIdProcess:
    """A running provider. `issuer`, `client_id` and `client_secret` are what settings need to know of it."""

    client_id = "sluicegate"
    client_secret = "a secret+with:signs %of%20its own"

    def __init__(self, scripts: Path, **wish: Any) -> None:
        """`wish`: see `tests/node/openid/provider.mjs`."""
        known = {"client_id": self.client_id, "client_secret": self.client_secret, "path": CALLBACK}
        command = ["node", "openid/provider.mjs", json.dumps({**known, "accounts": ACCOUNTS, **wish})]
        self._process = subprocess.Popen(
            command, cwd=scripts, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "http://" in line, f"the provider said {line!r}"
        self.issuer = line.split()[-1]

    def log_in(self, url: str, account: str) -> str:
        """What somebody's browser does with a login address: the address that the provider sends it back to."""
        with httpx.Client(trust_env=False) as browser:
            answer = browser.get(url)
            while answer.is_redirect:
                target = str(answer.url.join(answer.headers["location"]))
                if not target.startswith(self.issuer):
                    return target
                answer = browser.get(target)
                if answer.status_code == 200 and "/interaction/" in target:
                    answer = browser.get(target, params={"account": account})
        raise AssertionError(f"the provider answered {answer.status_code}: {answer.text}")

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=10)


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


@pytest.fixture(scope="session")
def openid_provider(scripts: Path) -> Iterator[OpenIdProcess]:
    """One provider for the whole session, which keeps the userinfo endpoint for what the standard has there."""
    process = OpenIdProcess(scripts)
    yield process
    process.close()
