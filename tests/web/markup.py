"""What a page's text must be, whatever it shows."""

from __future__ import annotations

from html.parser import HTMLParser


class Tags(HTMLParser):
    """Checks that tags are closed in order, that ids are the only ones, and that no attribute is said twice."""

    VOID = frozenset(("meta", "link", "img", "br", "hr", "input"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        """Ids that something else refers to."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} says {names}"
        said = {name: value or "" for name, value in attrs}
        if "id" in said:
            assert said["id"] not in self.ids, f"{said['id']} stands twice"
            self.ids.add(said["id"])
        for name in ("for", "aria-labelledby", "aria-describedby"):
            self.targets.update(said.get(name, "").split())
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """It is its own end."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_well_formed(text: str) -> None:
    """Raises AssertionError for a page, or a part of one, that a browser would have to guess at."""
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    assert tags.targets <= tags.ids, f"nothing is called {tags.targets - tags.ids}"
