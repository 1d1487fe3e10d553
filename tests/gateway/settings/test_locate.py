from __future__ import annotations

import tomllib

import pytest

from gateway.settings.locate import KeyPath, locate, nearest, spell

TEXT = '''# a comment [server]
[server] # x
listen = "a#b" # = c
"work\\u0065rs" = 3
x.y = 1979-05-27 07:32:00
s = """
[no]
a=1 \\""" """""
arr = [ 1, # one
  [2, 3], {a=1, b.c = [1,
  2]},
]
[[client_keys]]
name = 'x'
[[client_keys]]
name = \'\'\'a
b\'\'\'\'
[client_keys.sub]
z = 1
[[providers]]
id = "p"
[[providers.credentials]]
name = "a"
[[providers.credentials]]
name = "b"
[[providers]]
[[providers.credentials]]
name = "c"
empty = [ ]
'''

PLACES: list[tuple[KeyPath, int]] = [
    (("server",), 2),
    (("server", "listen"), 3),
    (("server", "workers"), 4),
    (("server", "x", "y"), 5),
    (("server", "s"), 6),
    (("server", "arr"), 9),
    (("server", "arr", 1, 1), 10),
    (("server", "arr", 2, "a"), 10),
    (("server", "arr", 2, "b", "c", 1), 11),
    (("client_keys",), 13),
    (("client_keys", 0), 13),
    (("client_keys", 0, "name"), 14),
    (("client_keys", 1), 15),
    (("client_keys", 1, "name"), 16),
    (("client_keys", 1, "sub", "z"), 19),
    (("providers", 0, "credentials", 0), 22),
    (("providers", 0, "credentials", 1, "name"), 25),
    (("providers", 1), 26),
    (("providers", 1, "credentials", 0, "name"), 28),
    (("providers", 1, "credentials", 0, "empty"), 29),
]


@pytest.mark.parametrize(("path", "line"), PLACES, ids=lambda value: spell(value) if isinstance(value, tuple) else "")
def test_every_key_is_found_on_its_line(path: KeyPath, line: int) -> None:
    tomllib.loads(TEXT)
    assert locate(TEXT)[path] == line


def test_nothing_is_found_that_is_not_there() -> None:
    def paths(value: object, path: KeyPath) -> set[KeyPath]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return {path} | {deeper for key, item in items for deeper in paths(item, (*path, key))}

    assert set(locate(TEXT)) | {()} == paths(tomllib.loads(TEXT), ())


def test_an_empty_text_has_no_places() -> None:
    assert locate("") == {}
    assert locate("# nothing\n") == {}


def test_what_is_not_there_is_nearest_to_what_is_around_it() -> None:
    lines = locate(TEXT)
    assert nearest(lines, ("client_keys", 1, "sub", "missing")) == 18
    assert nearest(lines, ("aliases", 0)) is None


def test_a_path_is_spelled_as_people_write_it() -> None:
    assert spell(("client_keys", 0, "models", 2)) == "client_keys[0].models[2]"
