"""Passwords: hashing, checking, and which ones may be chosen. Knows no user and keeps nothing.

Argon2id with 32 MiB and three passes, about 30 ms of one core: two and a half times the work of the least that OWASP
asks for (19 MiB, two passes; https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html), in an
amount of memory that a small machine can spare for several logins at once. bcrypt is accepted as it was imported.

`hashed` and `verify` take long on purpose: callers run them in threads, and bound how many.

A login must take as long for a user we do not know as for one we do. So every `verify` does the same work: it computes
one hash of each scheme in which any is kept, the user's own in its turn, and hashes of nobody in the others. Hashes are
made anew at login, so that soon only today's scheme is left and nobody pays for another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import bcrypt
from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id

from gateway.errors import Unacceptable

MEMORY_KIB = 32 * 1024
PASSES = 3

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 128
LONGEST_TYPED = 1024
"""A login with a longer text is refused, after the usual time: nobody has such a password."""

BCRYPT_COSTS = range(10, 15)
"""Costs that are accepted; OWASP asks for 10 at least, and 14 takes most of a second."""
BCRYPT_BYTES = 72
"""What bcrypt reads of a password. Those who made the hash had the rest cut off, so it is cut off here."""

FEWEST_DIFFERENT = 5

_COMMON = (
    "abcdef access admin administrator ashley bailey baseball batman changeit changeme charlie chatgpt computer daniel",
    "default donald dragon flower football freedom gateway hello hottie hunter iloveyou internet jennifer jessica",
    "jordan letmein login loveme lovely master michael michelle monkey mustang mypassword nopassword ninja passphrase",
    "passw passwd password princess private qwerty qwertyuiop root samsung secret security server shadow",
    "sluicegate solo starwars summer sunshine superman system temporary test trustno user welcome whatever winter",
)
COMMON = frozenset(word for line in _COMMON for word in line.split())
"""Words that the commonest passwords are made of; such a word with digits and signs around it is no password."""

RUNS = (
    "0123456789" * 13,
    "abcdefghijklmnopqrstuvwxyz" * 5,
    "qwertyuiopasdfghjklzxcvbnm" * 5,
    "qwertzuiopasdfghjklyxcvbnm" * 5,
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
)
"""What fingers or the alphabet do by themselves."""

LEET = str.maketrans("013457@$!", "oieastasi")
"""Digits and signs that stand for letters."""

_EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_ARGON2ID = re.compile(r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", re.ASCII)
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
_LEAST_KIB, _MOST_KIB, _MOST_PASSES = 8, 256 * 1024, 16


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of checking a password."""

    matches: bool
    upgrade: bool = False
    """It matches, and is kept otherwise than `hashed` would keep it today: hash it anew while it is known."""


@dataclass(frozen=True, slots=True, order=True)
class Scheme:
    """How a kept hash was made: either Argon2id's memory and passes, or bcrypt's cost."""

    memory_kib: int = 0
    passes: int = 0
    cost: int = 0


TODAY = Scheme(MEMORY_KIB, PASSES)
TODAYS_START = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$"
"""What the text of every hash begins with that `hashed` makes: hashes that do not are those to give to `schemes_of`."""


def hashed(password: str) -> str:
    """What to keep of a new password, in the usual text form; `check_new` comes first. Slow."""
    text = argon2id.str(_bytes(normalised(password)), opslimit=PASSES, memlimit=MEMORY_KIB * 1024)
    return text.decode("ascii")


def schemes_of(kept: Iterable[str]) -> frozenset[Scheme]:
    """The schemes of these hashes."""
    return frozenset(scheme for each in kept if (scheme := _scheme(each)))


def verify(password: str, kept: str | None, *, schemes: frozenset[Scheme] = frozenset()) -> Verdict:
    """Whether a password is the one that was kept. Slow, and equally so whatever is kept.

    `kept` is None for a user whom nobody knows and for one without a password; for a disabled user it is theirs, and
    the login is refused after this. `schemes` are those of all hashes of all users; today's need not be named.
    """
    if len(password) > LONGEST_TYPED:
        password, kept = "", None
    own, matches = _scheme(kept), False
    for scheme in sorted({TODAY, *schemes} | ({own} if own else set())):
        says = _says(kept if kept and scheme == own else _of_nobody(scheme), password)
        matches = matches or (says and scheme == own)
    return Verdict(matches, matches and own != TODAY)


def check_imported(kept: str) -> None:
    """Raise Unacceptable unless logins with this hash will work: bcrypt of cost 10 to 14, or Argon2id."""
    if _scheme(kept) is None:
        raise Unacceptable(
            "A password hash must be bcrypt ($2a$, $2b$ or $2y$) of cost 10 to 14, or Argon2id with one lane, up to "
            f"{_MOST_KIB // 1024} MiB and {_MOST_PASSES} passes.",
            param="password_hash",
        )


def check_new(password: str, *, email: str = "", name: str = "") -> None:
    """Raise Unacceptable, saying what to do, if nobody should have this password. Counted are characters (NFKC)."""
    text = normalised(password)
    problem = _wrong_with(text) or _guessable(text, email, name)
    if problem:
        raise Unacceptable(problem, param="password")


def normalised(password: str) -> str:
    """A password in one of the forms in which keyboards may send it: NFKC (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _says(kept: str, password: str) -> bool:
    """Whether a hash, of a scheme that is accepted, is that of a password."""
    if not kept.startswith("$argon2id$"):
        return bcrypt.checkpw(_bytes(password)[:BCRYPT_BYTES], kept.encode("ascii"))
    try:
        return argon2id.verify(kept.encode("ascii"), _bytes(normalised(password)))
    except InvalidkeyError:
        return False


def _of_nobody(scheme: Scheme) -> str:
    """A hash that takes as long as any other of its scheme, and of which nobody knows the password."""
    if scheme.cost:
        return f"$2b${scheme.cost:02}${'.' * 53}"
    return f"$argon2id$v=19$m={scheme.memory_kib},t={scheme.passes},p=1${'A' * 22}${'A' * 43}"


def _scheme(kept: str | None) -> Scheme | None:
    """How a hash was made; None for none, and for one that is not accepted, be it only too dear to compute."""
    if kept is None:
        return None
    if match := _ARGON2ID.fullmatch(kept):
        memory_kib, passes = int(match[1]), int(match[2])
        allowed = _LEAST_KIB <= memory_kib <= _MOST_KIB and 1 <= passes <= _MOST_PASSES
        return Scheme(memory_kib, passes) if allowed else None
    match = _BCRYPT.fullmatch(kept)
    return Scheme(cost=int(match[1])) if match and int(match[1]) in BCRYPT_COSTS else None


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _wrong_with(text: str) -> str | None:
    """What is wrong with a password, whoever's it is."""
    if len(text) < LEAST_CHARACTERS:
        return f"The password needs at least {LEAST_CHARACTERS} characters; a few words in a row are easy to remember."
    if len(text) > MOST_CHARACTERS:
        return f"The password may have at most {MOST_CHARACTERS} characters."
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        return "The password holds a character that cannot be typed, such as a line break. Leave it out."
    if len(set(text)) < FEWEST_DIFFERENT:
        return f"The password repeats itself. Use at least {FEWEST_DIFFERENT} different characters."
    return None


def _guessable(text: str, email: str, name: str) -> str | None:
    """Why a password would be among the first that somebody tries."""
    folded = text.casefold()
    characters = _once("".join(character for character in folded if character.isalnum()))
    if characters and any(characters in run or characters in run[::-1] for run in RUNS):
        return "The password follows the keyboard or the alphabet. Choose words that do not follow from each other."
    kernels = _kernels(folded)
    if kernels & COMMON:
        return "This password is among the first that are tried. Choose several words that have nothing in common."
    personal = (email, email.partition("@")[0], name, *name.split())
    if any(kernels & _kernels(part.casefold()) for part in personal) or (email and email.casefold() in folded):
        return "The password must not be made of the e-mail address or the name. Choose something else."
    return None


def _kernels(folded: str) -> set[str]:
    """The word that a text is made of: `!Password123` and `P4ssw0rd!!` are `password`, and so is it twice."""
    readings = (folded, _EDGES.sub("", folded).translate(LEET))
    letters = ("".join(character for character in reading if character.isalpha()) for reading in readings)
    return {_once(word) for word in letters if word}


def _once(text: str) -> str:
    """A text that is another one repeated, as that other one."""
    return text[: (text + text).find(text, 1)]
