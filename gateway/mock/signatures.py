"""What providers let a client carry for them and recognise when it comes back: signed and sealed text. Pure.

The key is no secret: it only tells what this mock signed from what it did not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_KEY = b"the mock's own key, known to everybody"
_MARK = b"\x12\xc0\x02mock providers\x18\x02*"
_DIGEST = 32


def sign(model: str, text: str) -> str:
    """A signature under which `text` can come back to `model`, unchanged."""
    return _wrap(_authenticate(model, text.encode("utf-8", "surrogatepass")))


def is_signed(signature: str, model: str, text: str) -> bool:
    """Whether this is the signature of `text` by `model`."""
    return hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), sign(model, text).encode())


def seal(model: str, text: str) -> str:
    """Something opaque that stands for `text` and is recognised without it."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return _wrap(digest + _authenticate(model, digest))


def is_sealed(sealed: str, model: str) -> bool:
    """Whether this was sealed by `model`."""
    try:
        opened = base64.b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        return False
    content = opened.removeprefix(_MARK)
    digest, code = content[:_DIGEST], content[_DIGEST:]
    return opened.startswith(_MARK) and hmac.compare_digest(code, _authenticate(model, digest))


def _authenticate(model: str, content: bytes) -> bytes:
    return hmac.digest(_KEY, model.encode("utf-8", "surrogatepass") + b"\0" + content, "sha256")


def _wrap(content: bytes) -> str:
    return base64.b64encode(_MARK + content).decode()
