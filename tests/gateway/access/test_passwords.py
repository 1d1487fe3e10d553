"""Passwords are kept as they should be, checked in equal time, and not all may be chosen."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import bcrypt
import pytest
from nacl.pwhash import argon2id

from gateway.access import passwords
from gateway.access.passwords import Verdict
from gateway.errors import Unacceptable

PASSWORD = "correct horse battery staple"
KEPT = passwords.hashed(PASSWORD)
BCRYPT_10, BCRYPT_11 = passwords.Scheme(cost=10), passwords.Scheme(cost=11)
IMPORTED = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
DEARER = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(11)).decode()
WEAKER = argon2id.str(PASSWORD.encode(), opslimit=2, memlimit=19 << 20).decode()


def test_a_password_is_kept_as_argon2id_above_the_least_of_owasp() -> None:
    assert KEPT.startswith("$argon2id$v=19$m=32768,t=3,p=1$")
    assert passwords.MEMORY_KIB * passwords.PASSES >= 19 * 1024 * 2
    assert passwords.hashed(PASSWORD) != KEPT


def test_the_right_password_matches_and_a_wrong_one_does_not() -> None:
    assert passwords.verify(PASSWORD, KEPT) == Verdict(matches=True, upgrade=False)
    assert passwords.verify(PASSWORD + "r", KEPT) == Verdict(matches=False)
    assert passwords.verify("", KEPT) == Verdict(matches=False)


@pytest.mark.parametrize("letter", "aby")
def test_imported_bcrypt_matches_and_should_be_upgraded(letter: str) -> None:
    imported = f"$2{letter}{IMPORTED[3:]}"
    assert passwords.verify(PASSWORD, imported, schemes=frozenset({BCRYPT_11})) == Verdict(matches=True, upgrade=True)
    assert passwords.verify("other", imported, schemes=frozenset({BCRYPT_10})) == Verdict(matches=False)


def test_bcrypt_reads_72_bytes_as_it_did_where_the_hash_was_made() -> None:
    long = "é" * 50
    imported = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(10)).decode()
    assert passwords.verify(long, imported).matches


def test_weaker_argon2id_matches_and_should_be_upgraded() -> None:
    assert passwords.verify(PASSWORD, WEAKER) == Verdict(matches=True, upgrade=True)


def test_the_same_password_typed_on_another_keyboard_matches() -> None:
    kept = passwords.hashed("Crème brûlée, fünf")
    assert passwords.verify("Cre\u0300me bru\u0302le\u0301e, fu\u0308nf", kept).matches


@pytest.mark.parametrize(
    "kept",
    [
        None,
        "",
        PASSWORD,
        "$argon2id$",
        KEPT + "\n",
        KEPT.replace("m=32768", "m=9999999"),
        KEPT.replace("t=3", "t=999"),
        KEPT.replace("t=3", "t=0"),
        KEPT.replace("p=1", "p=4"),
        KEPT.replace("argon2id", "argon2i"),
        IMPORTED.replace("$10$", "$31$"),
        IMPORTED.replace("$10$", "$04$"),
        IMPORTED[:-1],
        "$argon2id$é",
    ],
)
def test_nothing_matches_what_is_not_accepted(kept: str | None) -> None:
    assert passwords.verify(PASSWORD, kept) == Verdict(matches=False)
    if kept is not None:
        with pytest.raises(Unacceptable, match="bcrypt"):
            passwords.check_imported(kept)


def test_what_works_may_be_imported() -> None:
    for kept in (KEPT, IMPORTED, WEAKER):
        passwords.check_imported(kept)
    assert passwords.schemes_of([KEPT, IMPORTED, IMPORTED, "x"]) == {passwords.TODAY, BCRYPT_10}


def test_hashes_of_today_are_told_by_how_they_begin() -> None:
    assert KEPT.startswith(passwords.TODAYS_START)
    assert not WEAKER.startswith(passwords.TODAYS_START)


@pytest.mark.parametrize("scheme", [passwords.TODAY, BCRYPT_10, passwords.Scheme(8192, 1)])
def test_a_hash_of_nobody_is_of_its_scheme_and_of_no_password(scheme: passwords.Scheme) -> None:
    nobody = passwords._of_nobody(scheme)
    assert passwords._scheme(nobody) == scheme
    assert not passwords.verify("", nobody).matches


@pytest.mark.parametrize("password", ["x" * 2000, "\0" * 20, "\ud800" * 20, ""])
def test_odd_passwords_are_just_wrong(password: str) -> None:
    assert not passwords.verify(password, KEPT).matches
    assert not passwords.verify(password, IMPORTED).matches


Login = Callable[[], object]


@pytest.mark.parametrize(
    ("kept", "all_kept", "rounds"),
    [
        (KEPT, (KEPT,), 21),
        (WEAKER, (KEPT, WEAKER), 15),
        (KEPT, (KEPT, IMPORTED), 9),
        (IMPORTED, (KEPT, IMPORTED), 9),
        (IMPORTED, (IMPORTED, WEAKER, DEARER), 5),
    ],
    ids=["argon2id", "weaker argon2id", "argon2id beside bcrypt", "bcrypt", "bcrypt beside others"],
)
def test_a_login_takes_as_long_for_an_unknown_user_as_for_a_known_one(
    kept: str, all_kept: tuple[str, ...], rounds: int
) -> None:
    schemes = passwords.schemes_of(all_kept)

    def known() -> object:
        return passwords.verify("wrong password!", kept, schemes=schemes)

    def unknown() -> object:
        return passwords.verify("wrong password!", None, schemes=schemes)

    # On a busy machine a burst of noise can hit one of the two; it does not hit the same one three times.
    ratios = (ratio(known, unknown, rounds) for _ in range(3))
    assert any(1 / 1.05 <= each <= 1.05 for each in ratios)


def ratio(one: Login, other: Login, rounds: int) -> float:
    """Of the median times of the processor, taken in turns."""
    times = [(taken(one), taken(other)) for _ in range(rounds)]
    return median(first for first, _ in times) / median(second for _, second in times)


def taken(login: Login) -> float:
    start = time.thread_time()
    login()
    return time.thread_time() - start


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "Tr0ub4dor&3xyz",
        "91837465-0238",
        "пароль не для всех",
        "パスワードは長いほど良いですよ",
        "!?#$%&/()=*+~",
        "passwordless entry",
        "x" * 3 + "a long tail of words " * 5,
    ],
)
def test_a_good_password_may_be_chosen(password: str) -> None:
    passwords.check_new(password, email="ann@example.com", name="Ann Example")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
        ("a\u0301" * 11, "at least 12"),
        ("long enough " * 11, "at most 128"),
        ("a good password\n", "cannot be typed"),
        ("a good \ud800 password", "cannot be typed"),
        ("aaaaaaaaaaaaaaaa", "repeats itself"),
        ("abcabcabcabcabc", "repeats itself"),
        ("1234567890123", "keyboard"),
        ("123456123456", "keyboard"),
        ("qwertyuiop[]", "keyboard"),
        ("zyxwvutsrqponm", "keyboard"),
        ("1qaz2wsx3edc", "keyboard"),
        ("password1234", "first that are tried"),
        ("PasswordPassword", "first that are tried"),
        ("!!P4ssw0rd!!2024", "first that are tried"),
        ("Summer2024!!", "first that are tried"),
        ("Sluicegate-2025", "first that are tried"),
        ("ann@example.com", "e-mail address"),
        ("my ann@example.com 77", "e-mail address"),
        ("Ann Example 12345", "e-mail address"),
        ("example-1234567", "e-mail address"),
        ("annann123456", "e-mail address"),
    ],
)
def test_a_bad_one_may_not_and_hears_why(password: str, why: str) -> None:
    with pytest.raises(Unacceptable, match=why) as refused:
        passwords.check_new(password, email="Ann@example.com", name="Ann Example")
    assert refused.value.param == "password"


def test_without_email_and_name_nothing_is_compared_with_them() -> None:
    passwords.check_new("91837465-0238-4719")
