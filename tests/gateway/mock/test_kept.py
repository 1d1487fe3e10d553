from __future__ import annotations

from gateway.mock import kept
from gateway.mock.kept import Kept, Remembered


def remembered(name: str, size: int = 1) -> Remembered:
    return Remembered({"id": name, "output": [{"id": f"msg_{name}", "text": "x" * size}]}, [])


def test_what_is_kept_is_found_until_it_is_forgotten() -> None:
    store = Kept()
    store.keep("a", remembered("a"))
    assert store.find("a") == remembered("a")
    assert store.forget("a")
    assert store.find("a") is None
    assert not store.forget("a")


def test_what_is_kept_does_not_change_with_what_it_was_made_of() -> None:
    store = Kept()
    given = remembered("a")
    store.keep("a", given)
    given.response["id"] = "b"
    found = store.find("a")
    assert found is not None
    found.items.append("more")
    assert store.find("a") == remembered("a")


def test_items_are_found_in_whatever_response_they_are() -> None:
    store = Kept()
    for name in "ab":
        store.keep(name, remembered(name))
    assert store.find_item("msg_b") == {"id": "msg_b", "text": "x"}
    assert store.find_item("msg_c") is None


def test_the_oldest_go_when_there_are_too_many() -> None:
    store = Kept()
    for number in range(kept.KEPT_RESPONSES + 1):
        store.keep(str(number), remembered(str(number)))
    assert store.find("0") is None
    assert store.find("1") is not None


def test_the_oldest_go_when_they_are_too_large_together() -> None:
    store = Kept()
    for name in "abc":
        store.keep(name, remembered(name, kept.KEPT_BYTES // 2 - 1000))
    assert [name for name in "abc" if store.find(name)] == ["b", "c"]
    store.keep("d", remembered("d", kept.KEPT_BYTES))
    assert store.find("d") is None


def test_a_response_kept_again_stands_in_place_of_the_first() -> None:
    store = Kept()
    store.keep("a", remembered("a"))
    store.keep("a", remembered("a", 5))
    assert store.find("a") == remembered("a", 5)
