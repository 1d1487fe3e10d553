"""Whether everything on a page has room: scripts that find what sticks out of what it is in, or runs into another."""

from __future__ import annotations

from tests.browsing import Window

SPILT = """
[...document.querySelectorAll("main .panel, main .wide, main table")].filter((each) => {
  const around = each.parentElement;
  const isCut = getComputedStyle(around).overflowX !== "visible";
  return !isCut && each.getBoundingClientRect().right > around.getBoundingClientRect().right + 1;
}).map((each) => each.outerHTML.slice(0, 200))
"""
"""What stands beyond the right edge of what it is in."""

OVERLAPPING = """
[...document.querySelectorAll(".figures > div")].filter((each) => {
  const [value, change] = [".value", ".change"].map((part) => each.querySelector(part));
  const range = document.createRange();
  const boxes = [value, change].filter((part) => part?.textContent).map((part) => {
    range.selectNodeContents(part);
    return range.getBoundingClientRect();
  });
  const [one, other] = boxes;
  const right = each.getBoundingClientRect().right;
  return boxes.some((box) => box.right > right) || (other && one.bottom > other.top + 1 && one.right > other.left);
}).map((each) => each.innerText)
"""
"""Headline figures that run into their changes, or out of their boxes."""

FITS = """
async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const held = (node, panel) => {
    for (let at = node.parentElement; at && at !== panel; at = at.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(at);
      if (overflowX !== "visible" || overflowY !== "visible") return true;
    }
    return false;
  };
  const root = document.documentElement;
  const found = root.scrollWidth > root.clientWidth ? [`the page: ${root.scrollWidth - root.clientWidth}`] : [];
  for (const panel of document.querySelectorAll("main .panel")) {
    const { right, bottom } = panel.getBoundingClientRect();
    const title = panel.querySelector("h2, h4, figcaption")?.textContent ?? "";
    for (const node of panel.querySelectorAll(":not(svg *, .unseen)")) {
      const box = node.getBoundingClientRect(), over = Math.max(box.right - right, box.bottom - bottom);
      if (over > 0.5 && node.checkVisibility() && !held(node, panel)) {
        found.push(`${title}: ${node.localName}.${node.className}: ${Math.round(over)}`);
        break;
      }
    }
  }
  return found;
}
"""
"""Panels that something sticks out of, and by how much; what a scroller holds is not out. uPlot needs a frame or two to
follow a window."""


def check_fits(window: Window) -> None:
    """Raises AssertionError where something sticks out of what holds it, at the width that the window has."""
    found: list[str] = window.page.evaluate(FITS)
    assert not found, f"{window.page.url} at {window.page.viewport_size}: {found}"
