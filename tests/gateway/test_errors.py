"""The tree drawn at the top of the module is the tree."""

from __future__ import annotations

import re

from gateway import errors


def subclasses(kind: type[errors.GatewayError]) -> set[type[errors.GatewayError]]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


def test_every_error_is_drawn_with_its_status_and_code() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+)\s+(\d{3}(?:  \w+(?=\s*(?:\(|$)))?)", errors.__doc__ or "", re.MULTILINE))
    every = subclasses(errors.GatewayError)
    concrete = {kind.__name__: kind for kind in every if kind.__module__.startswith(errors.__name__)}
    for name, said in drawn.items():
        status, _, code = said.partition("  ")
        assert concrete[name].status == int(status)
        assert not code or concrete[name].code == code
    undrawn = concrete.keys() - drawn.keys()
    assert undrawn == {"GatewayError", "RequestRefused", "UpstreamError"}


def test_a_settings_error_is_one_line_that_names_the_place() -> None:
    error = errors.SettingsError("wrong", file="a.toml", line=3, key="server.listen")
    assert str(error) == "a.toml:3: server.listen: wrong"
    assert str(errors.SettingsError("wrong")) == "wrong"
