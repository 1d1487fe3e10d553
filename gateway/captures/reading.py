"""Captures, found by the id of their exchange. Knows files; who may read them others know."""

from __future__ import annotations

from pathlib import Path

from gateway.credentials.vault import Vault
from gateway.records.captures import Capture

from .places import is_id, place_of
from .sealed import CaptureUnreadable, unseal


def open_capture(folder: Path, capture_id: str, vault: Vault) -> Capture | None:
    """The capture of an exchange; None where there is none. Raises CaptureUnreadable."""
    if not is_id(capture_id):
        return None
    try:
        sealed = place_of(folder, capture_id).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CaptureUnreadable(f"the capture of {capture_id} cannot be read: {error.strerror}") from None
    return unseal(sealed, capture_id, vault)


def is_kept(folder: Path, capture_id: str) -> bool:
    """Whether there is a capture of an exchange."""
    return is_id(capture_id) and place_of(folder, capture_id).is_file()


def forget(folder: Path, capture_id: str) -> bool:
    """Delete the capture of an exchange; whether there was one. Raises OSError. What it weighed is counted until its
    hour goes."""
    if not is_id(capture_id):
        return False
    try:
        place_of(folder, capture_id).unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
