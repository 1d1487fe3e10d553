"""Which model of a list is meant by a name that is not in it: the same one under a date, a variant or a prefix.

Knows how vendors decorate names, and nothing of prices. Every step is more daring than the one before it; where two
different models fit a step equally well, none is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

LONGEST = 300
"""Characters of a name that is looked for; no model has a longer one."""

FEWEST_PARTS = 2
"""Parts that two names share, at least, where one of them goes on: `gpt` alone says nothing."""

_THINKING = re.compile(r"\([^()]*\)$")
"""A level of thinking behind a name, as some clients write it: `gpt-5(high)`."""

_REGION = re.compile(r"^(?:us|us-gov|eu|apac|au|ca|jp|global)\.")
"""Where an inference profile of Bedrock runs:
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html."""

_VARIANT = re.compile(r":[a-z][a-z0-9-]*$")
"""OpenRouter's variants, `:free` and `:thinking` among them: https://openrouter.ai/docs/features/model-routing."""

_DOT = re.compile(r"(?<=\d)\.(?=\d)")

_ENDINGS = (
    re.compile(r"(?:-v\d{1,3})?:\d{1,3}$"),  # Bedrock's version
    re.compile(r"@(?:\d{8}|default|latest)$"),  # Vertex AI's
    re.compile(r"-\d{8}$"),
    re.compile(r"-\d{4}-\d{2}-\d{2}$"),
    re.compile(r"-latest$"),
    re.compile(r"-preview(?:-\d{2}-\d{2,4})?$"),
    re.compile(r"-00\d$"),  # Gemini's stable versions
)
"""What vendors hang on a name to tell a version of a model from another."""


class Names:
    """The names of a list, to be found."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact: dict[str, str] = {}
        self._dashed: dict[str, str] = {}
        self._plain: dict[str, list[str]] = {}
        for name in sorted(names):
            self._exact[name.lower()] = name
            self._dashed[_dashed(name.lower())] = name
            self._plain.setdefault(plain(name), []).append(name)

    def find(self, asked: str) -> tuple[str, ...]:
        """The names that may be meant, from the oldest: several only where they are versions of one model."""
        if len(asked) > LONGEST:
            return ()
        forms = [(each, *_cuts(each)) for each in _spellings(asked.lower())]
        for form in forms:
            for known in (self._exact, self._dashed):
                if (found := next((known[each] for each in form if each in known), None)) is not None:
                    return (found,)
        for *_, last in forms:
            if last in self._plain:
                return tuple(self._plain[last])
        return self._nearest(forms[-1][-1])

    def _nearest(self, asked: str) -> tuple[str, ...]:
        """The one name that goes on where the other ends, if no other shares as many parts with it."""
        parts = asked.split("-")
        shared = {name: _shared(parts, name.split("-")) for name in self._plain if ":" not in name}
        most = max(shared.values(), default=0)
        best = [name for name, count in shared.items() if count == most]
        if most < FEWEST_PARTS or len(best) > 1 or most < min(len(parts), best[0].count("-") + 1):
            return ()
        return tuple(self._plain[best[0]])


def plain(name: str) -> str:
    """A name in lower case without what tells versions apart, with dashes for the dots of numbers."""
    *_, last = _cuts(name.lower())
    return last


def _spellings(name: str) -> Iterator[str]:
    """A name as it is, and without what clients put around it."""
    bare = _THINKING.sub("", name)
    for whole in dict.fromkeys((name, bare, _VARIANT.sub("", bare))):
        yield whole
        rest = whole
        while "/" in rest:
            rest = rest.partition("/")[2]
            yield rest
        if (abroad := _REGION.sub("", rest)) != rest:
            yield abroad


def _cuts(name: str) -> Iterator[str]:
    """A name with dashes for dots, and then without one ending after the other."""
    cut = _dashed(name)
    yield cut
    while (shorter := _shorter(cut)) != cut:
        cut = shorter
        yield cut


def _shorter(name: str) -> str:
    for ending in _ENDINGS:
        if (found := ending.search(name)) and found.start():
            return name[: found.start()]
    return name


def _dashed(name: str) -> str:
    return _DOT.sub("-", name)


def _shared(mine: list[str], its: list[str]) -> int:
    """How many parts are the same from the beginning on."""
    count = 0
    for one, other in zip(mine, its, strict=False):
        if one != other:
            break
        count += 1
    return count
