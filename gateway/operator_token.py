"""What proves that somebody is the operator: a token in the data directory, for whoever may read that."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def operator_token(directory: Path) -> str:
    """The token in `operator.token`, made where there is none: whoever may read that file is the operator."""
    path = directory / "operator.token"
    if not path.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        draft.rename(path)
    return path.read_text().strip()
