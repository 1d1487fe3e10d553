"""The vault's key where nobody says one: a file in the data directory, made at the first start for its owner alone.

Knows files and base64. During a change of keys the new one lies beside the old: which of them is right the database
tells, for everything in it is sealed anew in one transaction.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from secrets import token_bytes

from gateway.credentials.vault import KEY_BYTES


class KeyUnusable(Exception):
    """Why there is no key, in one line that does not contain it."""


def key_file(data_dir: Path) -> Path:
    """Where the key of a data directory is."""
    return data_dir / "vault.key"


def next_key_file(data_dir: Path) -> Path:
    """Where its next key is, while everything is being sealed anew."""
    return data_dir / "vault.key.new"


def read_key(text: str, where: str) -> bytes:
    """32 bytes from base64. Raises KeyUnusable that names `where` it was said."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise KeyUnusable(f"{where} does not hold base64") from None
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"{where} holds {len(key)} bytes; a vault key has {KEY_BYTES}")
    return key


def write_key(key: bytes) -> str:
    """The text that `read_key` reads."""
    return base64.b64encode(key).decode()


def read_file(path: Path) -> bytes | None:
    """The key in a file; None when there is no such file. Raises KeyUnusable."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnusable(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}") from None
    if mode & 0o077:
        raise KeyUnusable(f"{path} can be read by others: chmod 600 {path}")
    return read_key(text, str(path))


def make_file(path: Path) -> bytes:
    """A new key in a new file with mode 0600, whole and on disk when it is there. Raises KeyUnusable."""
    key = token_bytes(KEY_BYTES)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(write_key(key) + "\n")
                file.flush()
                os.fsync(descriptor)
            path.hardlink_to(draft)  # which, unlike a renaming, replaces nothing
        finally:
            draft.unlink()
        _keep_names(path.parent)
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be made: {error.strerror}") from None
    return key


def _keep_names(directory: Path) -> None:
    """Have what is in a directory on disk too, not only in the files."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
