"""The page about the gateway itself, over a real one: a worker that died is told of, jobs and the store are seen to."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from tests.e2e.dashboards import EMAIL, PASSWORD, dashboard
from tests.gateway_process import GatewayProcess, get
from tests.providers import MockProcess
from tests.waiting import until
from tests.web.visiting import Person


async def test_what_became_of_it_stands_on_the_page(mock: MockProcess, tmp_path: Path) -> None:
    with dashboard(tmp_path, mock.url) as gateway:
        olga = Person(None, origin=gateway.url)
        assert (await olga.log_in(EMAIL, PASSWORD)).status == 303
        page = await olga.get("/system")
        (worker,) = gateway.workers()
        assert f'<td class="number">{worker}</td>' in page.text
        assert "has died" not in page.text
        os.kill(worker, signal.SIGKILL)
        another = until(lambda: [pid for pid in gateway.workers() if pid != worker], 15)[0]
        until(lambda: _answers(gateway), 15)
        page = await olga.get("/system?block=live")
        assert "A worker has died and was started anew, once since the start." in page.text
        assert f'<td class="number">{another}</td>' in page.text
        await olga.get("/system")
        assert (await olga.submit("/system/run", name="roll-up-usage")).to == "/system?said=job-begun"
        await olga.get("/system")
        assert (await olga.submit("/system/compact")).to == "/system?said=compacting"
        for _ in range(100):
            page = await olga.get("/system")
            if "compact, " in page.text and "</span>done</span>" in page.text:
                break
        assert re.search(r"done</span> compact, .* before, .* after", page.text)
        roll_up = page.text[page.text.index('id="job-roll-up-usage"') :]
        assert "well" in roll_up[: roll_up.index("</tr>")]


def _answers(gateway: GatewayProcess) -> bool:
    try:
        return bool(get(f"{gateway.url}/readyz"))
    except OSError:
        return False
