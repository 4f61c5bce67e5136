"""The colours can be told apart by who sees little of them: WCAG 2.2, 1.4.3 (text) and 1.4.11 (graphics)."""

from __future__ import annotations

import re

import pytest

from mapmedic.report.assets import asset

TEXT, GRAPHICS = 4.5, 3.0
KINDS = ("map", "sync", "slice", "program", "library", "runtime", "gathered")


def colours(dark: bool) -> dict[str, str]:
    """Return variable -> #rrggbb of the light page, with the dark page's on top of them."""
    known: dict[str, str] = {}
    for sheet in ("page.css", "flame.css"):
        light, _, rest = asset(sheet).partition("@media screen and (prefers-color-scheme: dark)")
        night = rest.split("}", 1)[0]
        for part in (light, night) if dark else (light,):
            known.update(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))
    return known


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read(dark: bool) -> None:
    known = colours(dark)
    pairs = [
        (ink, ground) for ink in ("ink", "soft", "accent", "good", "bad") for ground in ("paper", "panel")
    ]
    pairs += [("frame-ink", f"kind-{kind}") for kind in KINDS] + [("frame-ink", "found")]
    low = {pair: round(contrast(*(known[name] for name in pair)), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < TEXT} == {}


@pytest.mark.parametrize("dark", [False, True])
def test_every_line_and_bar_can_be_seen(dark: bool) -> None:
    known = colours(dark)
    low = {name: contrast(known[name], known["paper"]) for name in ("line-rss", "line-heap", "good", "ink")}
    assert min(low.values()) >= GRAPHICS, low
