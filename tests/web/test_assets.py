from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from web import assets

STATIC = assets.DIRECTORY
PAGES = sorted((STATIC.parent / "templates").glob("*.html"))
VENDORED = sorted(path for path in (STATIC / "vendor").iterdir() if path.is_dir())


def test_a_name_carries_the_hash_of_its_content() -> None:
    asset = assets.assets()["app.css"]
    digest = hashlib.sha256((STATIC / "app.css").read_bytes()).hexdigest()[:12]
    assert asset.url == f"/static/app.{digest}.css"
    assert assets.by_url()[asset.url] is asset


def test_an_unknown_name_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        assets.url("nothing.css")


@pytest.mark.parametrize("directory", VENDORED, ids=lambda path: path.name)
def test_vendored_files_are_those_of_the_manifest(directory: Path) -> None:
    manifest = json.loads((directory / "manifest.json").read_text())
    for name, entry in manifest["files"].items():
        digest = hashlib.sha384((directory / name).read_bytes()).digest()
        assert base64.b64encode(digest).decode() == entry["sha384"], name
    assert {path.name for path in directory.iterdir()} == {*manifest["files"], "manifest.json", "LICENSE"}


def test_colours_and_sizes_are_named_once() -> None:
    """Below the tokens nothing says a colour of its own."""
    css = (STATIC / "app.css").read_text()
    rules = css[css.index("}") :]
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", rules)
    used, named = set(re.findall(r"var\((--[a-z0-9-]+)\)", css)), set(re.findall(r"^\s+(--[a-z0-9-]+):", css, re.M))
    assert used <= named


@pytest.mark.parametrize("path", [*PAGES, STATIC / "app.css", *sorted(STATIC.glob("*.js"))], ids=lambda p: p.name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href|action)=[\"'](?:https?:)?//|url\((?!#)|@import", text)


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_no_template_has_script_or_style_in_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|<script(?![^>]*\ssrc=)|\|\s*safe", text)
