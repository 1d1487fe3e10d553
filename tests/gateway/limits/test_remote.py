"""Who counts together with other machines, by the settings; the library is loaded for those alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.limits.embedded import EmbeddedLimiter
from gateway.limits.redis import RedisLimiter
from gateway.limits.remote import remote_of
from gateway.settings.model import LimitSettings
from tests.gateway.limits.counting import Node
from tests.redis_server import RedisServer


def local(tmp_path: Path) -> EmbeddedLimiter:
    return EmbeddedLimiter(Node(RedisServer(tmp_path), tmp_path).memory(), 0)


async def test_without_an_address_nobody_is_asked(tmp_path: Path) -> None:
    assert remote_of(LimitSettings(), local(tmp_path)) is None


@pytest.mark.parametrize("url", ["redis://", "rediss://u:p@redis.example.com:6380/1", "unix:///run/redis.sock"])
async def test_addresses_are_those_of_the_library(tmp_path: Path, url: str) -> None:
    assert isinstance(remote_of(LimitSettings(redis_url=url), local(tmp_path)), RedisLimiter)


async def test_what_is_no_address_is_said_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        remote_of(LimitSettings(redis_url="http://:canary@redis"), local(tmp_path))
    assert "canary" not in str(refused.value)
    assert refused.value.key == "limits.redis_url"


async def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gateway.limits.redis", None)
    with pytest.raises(SettingsError, match=r"sluicegate\[redis\]"):
        remote_of(LimitSettings(redis_url="redis://"), local(tmp_path))


def test_who_counts_on_one_machine_does_not_load_the_library() -> None:
    check = "import sys, gateway.worker, gateway.control; sys.exit(bool({'redis', 'hiredis'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
