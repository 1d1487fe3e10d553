"""SQL and the configuration on pages of a whole gateway: a query that is left ends, a file that is changed is told of
before it is read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.dashboards import EMAIL, PASSWORD, dashboard
from tests.gateway.store.asking.stores import ENDLESS
from tests.providers import MockProcess
from tests.web.markup import assert_well_formed
from tests.web.visiting import Person

UNWATCHED = "\n[server]\nwatch_config = false\ndrain_seconds = {seconds}\n"


async def test_pages_ask_the_store_and_the_supervisor(mock: MockProcess, tmp_path: Path) -> None:
    with dashboard(tmp_path, mock.url, UNWATCHED.format(seconds=7), rows=400) as gateway:
        olga = Person(None, origin=gateway.url)
        await olga.log_in(EMAIL, PASSWORD)

        form = (await olga.get("/sql?example=slowest_models")).form("/sql")
        shown = await olga.post("/sql", {**form, "sql": "select count(*) as n from requests", "view": "table"})
        assert ">400</td>" in shown.text
        assert_well_formed(shown.text)
        kept = await olga.post("/sql/export", {**form, "sql": "select id from requests", "format": "csv"})
        assert len(kept.text.splitlines()) == 401
        with pytest.raises(asyncio.TimeoutError):
            async with asyncio.timeout(1.5):
                await Person(None, origin=gateway.url, cookies=olga.cookies).post("/sql", {**form, "sql": ENDLESS})
        # Whoever left has not left anything behind.
        for _ in range(40):
            if "A query of yours is running" not in (await olga.get("/sql")).text:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("a query that nobody waits for goes on")

        text = gateway.config.read_text(encoding="utf-8")
        gateway.config.write_text(text.replace("drain_seconds = 7", "drain_seconds = 9\nworkers = 2"), encoding="utf-8")
        compared = (await olga.get("/configuration?file=compare")).text
        assert "<del>7.0</del>" in compared
        assert "<ins>9.0</ins>" in compared
        await olga.submit("/configuration/reload")
        settled = (await olga.follow()).text
        assert "is in force in every process" in settled
        assert "generation 2" in settled
        assert_well_formed(settled)
        gateway.config.write_text(text.replace("drain_seconds", "drain_secnds"), encoding="utf-8")
        assert "It would be refused" in (await olga.get("/configuration?file=compare")).text
        await olga.submit("/configuration/reload")
        refused = (await olga.follow()).text
        assert "drain_secnds" in refused
        assert "the settings before it stay" in refused
