"""Settings that change with the next start only: that there are such, and that the documentation names them."""

from __future__ import annotations

from gateway.settings.starting import FIXED, OPENED_WITH, needs_start
from gateway.settings.stored import SETTINGS
from tests.source import ROOT

WAITING = {f"{section}.{name}" for table in (FIXED, OPENED_WITH) for section, names in table.items() for name in names}


def test_they_are_settings() -> None:
    assert set(SETTINGS) >= WAITING
    assert {path for path in SETTINGS if needs_start(path)} == WAITING


def test_others_do_not_wait() -> None:
    assert not any(map(needs_start, ("server.drain_seconds", "usage.retention_days", "nothing", "limits.time_zone")))


def test_the_documentation_names_them() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    (said,) = [each for each in text.split("\n\n") if each.endswith("change with the next start only.")]
    for path in WAITING:
        section, _, name = path.partition(".")
        assert f"`{name}`" in said or f"`{path}`" in said or f"`[{section}]`" in said, path
