"""What nobody may read in a capture, whoever may read captures: what lets somebody in, here or elsewhere.

Headers go by their names, everything else by what it looks like, by the secrets that are known to have been sent, and
by the operator's own expressions. What looks like nothing cannot be found: a password in a prompt is a word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import islice

from gateway.records.captures import MARGIN, Body, Flow, Headers, RawHeaders
from gateway.settings.expressions import Expression

REDACTED = b"[redacted]"

MOST_FOUND = 10_000
"""Places in one body. Where there are more, nothing of it is kept: an expression matches nearly everything."""

SECRETS = (
    r"sk-[A-Za-z0-9_-]{16,}",
    r"slg-[a-z]{3}-[A-Za-z0-9_-]{16,}",
    r"AIza[A-Za-z0-9_-]{30,}",
    r"ya29\.[A-Za-z0-9_.-]{16,}",
    r"1//0[A-Za-z0-9_-]{30,}",
    r"GOCSPX-[A-Za-z0-9_-]{20,}",
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"(?i:aws_?secret_?access_?key)[^A-Za-z0-9/+]{1,8}[A-Za-z0-9/+=]{40}",
    r"(?:gsk|hf|r8|ghp|gho|ghu|ghs|ghr|github_pat|lsv2_pt)_[A-Za-z0-9_]{20,}",
    r"(?:xai|pplx|nvapi|glpat|csk|fw|tgp_v1|xox[abeoprs])-[A-Za-z0-9_-]{20,}",
    r"(?i:bearer|basic) +[A-Za-z0-9._~+/-]{16,}=*",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
)
"""What secrets look like: our own, those of providers and of others that stand in prompts by mistake."""

_SECRET_HEADER = re.compile(
    rb"(?:.*[-_])?(?:authorization|auth|apikey|cookie2?|credentials?|key|passwd|password|secret|session|signature|token)"
)
_NO_SECRETS = frozenset((b"idempotency-key", b"x-idempotency-key", b"x-sluicegate-credential"))
"""Headers that are called like one: the last says a credential's name."""
_SECRET_PARAMETER = re.compile(
    r"([?&](?:[^=&#]*[-_])?(?:key|apikey|token|secret|password|sig|signature|code)=)[^&#]*", re.IGNORECASE
)


class Redactor:
    """What is found by these expressions, beside what looks like a secret."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        """Raises ValueError."""
        self._expression = Expression((*SECRETS, *patterns))

    def body(self, flow: Flow, known: Collection[bytes], most: int) -> Body:
        """A body as it is kept: without secrets, and at most so many bytes of it."""
        taken = bytes(flow.kept)
        is_whole = flow.size == len(taken)
        # Half of a secret may stand at the end of what was taken, and does not look like one.
        said = self._redacted(taken, known, len(taken) if is_whole else max(len(taken) - MARGIN, 0))
        return Body(said[:most], flow.size, cut=not is_whole or len(said) > most)

    def headers(self, said: RawHeaders, known: Collection[bytes], own: Collection[bytes] = ()) -> Headers:
        """Headers without the values that are secrets; those of `own` are, whatever they say."""
        shown = [REDACTED if name in own or _is_secret(name) else value for name, value in said]
        # All in one go, as lines: most have nothing in them, and asking costs more than looking.
        lines = self.text(b"\n".join(shown), known).split(b"\n")
        if len(lines) != len(shown):  # something reaches from one into the next
            lines = [self.text(value, known) for value in shown]
        return tuple(
            (name.decode("latin-1"), line.decode("latin-1")) for (name, _), line in zip(said, lines, strict=True)
        )

    def url(self, url: str, known: Collection[bytes]) -> str:
        """An address whose query may hold a secret."""
        hidden = _SECRET_PARAMETER.sub(rf"\1{REDACTED.decode()}", url)
        return self.text(hidden.encode(), known).decode(errors="replace")

    def text(self, text: bytes, known: Collection[bytes]) -> bytes:
        """Text without any of it."""
        return self._redacted(text, known, len(text))

    def _redacted(self, text: bytes, known: Collection[bytes], until: int) -> bytes:
        """What comes of the text before `until`."""
        spans = list(islice(self._spans(text, known), MOST_FOUND + 1))
        if not spans:
            return text[:until]
        if len(spans) > MOST_FOUND:
            return REDACTED
        pieces: list[bytes] = []
        at = 0
        for begin, end in sorted(spans):
            if begin >= until:
                break
            if begin >= at:
                pieces += text[at:begin], REDACTED
            at = max(at, end)
        return b"".join((*pieces, text[at:until]))

    def _spans(self, text: bytes, known: Collection[bytes]) -> Iterator[tuple[int, int]]:
        """Where something is that must not be read, in no order."""
        for secret in known:
            begin = text.find(secret)
            while begin >= 0:
                yield begin, begin + len(secret)
                begin = text.find(secret, begin + len(secret))
        yield from self._expression.spans(text)


@lru_cache(maxsize=1024)
def _is_secret(name: bytes) -> bool:
    """Whether what a header of this name says lets somebody in."""
    return name not in _NO_SECRETS and _SECRET_HEADER.fullmatch(name) is not None
