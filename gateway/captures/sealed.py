"""A capture as the bytes of its file: packed, compressed and sealed for its id; and back again."""

from __future__ import annotations

import zlib

import msgspec
from msgspec import msgpack

from gateway.credentials.vault import Vault, VaultError
from gateway.records.captures import Capture

LEVEL = 1
"""Of compression: what is said to models is text, which the quickest halves or better."""

_encoder = msgpack.Encoder()
_decoder = msgpack.Decoder(Capture)


class CaptureUnreadable(Exception):
    """It is there and cannot be read, in one line."""


def seal(capture: Capture, vault: Vault) -> bytes:
    """What its file holds."""
    return vault.seal(zlib.compress(_encoder.encode(capture), LEVEL), _place(capture.id))


def unseal(sealed: bytes, capture_id: str, vault: Vault) -> Capture:
    """What is in the file of this id. Raises CaptureUnreadable."""
    try:
        return _decoder.decode(zlib.decompress(vault.open(sealed, _place(capture_id))))
    except VaultError as error:
        raise CaptureUnreadable(str(error)) from None
    except (zlib.error, msgspec.DecodeError) as error:  # sealed by us, but by another version
        raise CaptureUnreadable(f"the capture of {capture_id} has an unknown shape: {error}") from None


def _place(capture_id: str) -> str:
    return f"capture/{capture_id}"
