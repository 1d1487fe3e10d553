"""A process that counts as a relay worker does, told what to do by lines on standard input.

`observe N`, `gauge N`, `publish` and `render`; each is answered by one line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gateway.observe.metrics import Metrics
from gateway.observe.tally import Readings
from tests.gateway.observe.samples import ENDPOINTS, exchange


def main(directory: str, worker: str, started_at_us: str) -> None:
    in_flight = 0
    metrics = Metrics(
        Path(directory),
        int(worker),
        started_at_us=int(started_at_us),
        endpoints=ENDPOINTS,
        readings=lambda: Readings(in_flight=in_flight, records_dropped=1),
    )
    answer("ready")
    for line in sys.stdin:
        order, *number = line.split()
        if order == "observe":
            for _ in range(int(number[0])):
                metrics.observe(exchange())
        elif order == "gauge":
            in_flight = int(number[0])
        elif order == "publish":
            metrics.publish()
        answer(metrics.render().decode() if order == "render" else "done")


def answer(text: str) -> None:
    sys.stdout.write(json.dumps(text) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
