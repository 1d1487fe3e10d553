"""Schemathesis against a live server: requests made up from its OpenAPI document, and what the answers must be like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 280
"""For one run, on a machine that has much else to do; a test of it may take a little longer."""

CONFIG = """\
# What the schema allows may still be refused: a made-up cursor is no position, 5.0 no whole number here, a made-up
# version not the current one, and a made-up key may be made up twice.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 422, 429]

[checks.missing_required_header]
expected-statuses = [401, 403, 404, 428]

# A request with a good token and a bad cookie is a good one.
[checks.ignored_auth]
enabled = false
"""


def fuzz(
    url: str,
    headers: Mapping[str, str],
    directory: Path,
    *,
    examples: int = 10,
    config: str = "",
    options: Sequence[str] = (),
) -> None:
    """Fails with Schemathesis's own report unless every answer is as the document at `url` says. `headers` are sent
    with every request; `config` is added to the configuration, `options` to the command."""
    file = directory / "schemathesis.toml"
    file.write_text(CONFIG + config, encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(file), "run", url, *options]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    command += ["--max-examples", str(examples), "--no-color", "--generation-deterministic", "--request-timeout", "10"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    assert "Tested:" in done.stdout, done.stdout[-10_000:]
