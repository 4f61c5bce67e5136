"""The course of memory as one line of a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from mapmedic.model.observation import MemoryPoint
from mapmedic.report.figures import bytes_text, duration_text
from mapmedic.report.terminal_parts import encodable, heading

BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = str.maketrans(BARS, "_.-:=+*#")
_WIDEST = 40
_LEAST_POINTS = 3
_JITTER = 0.1
# The label, two figures and the air between them.
_BESIDE = 36


def sparkline(points: Sequence[tuple[int, int]], width: int) -> str:
    """Return (moment, value) pairs, in order of time, as ``width`` bars from the lowest value to the highest.

    Each bar is the highest value of its stretch of time; where nothing was measured the one before goes on.
    What moves by less than a tenth stands on zero: jitter must not look like a leak.
    """
    first, last = points[0][0], points[-1][0]
    peaks: list[int | None] = [None] * width
    for at, value in points:
        place = min(width - 1, (at - first) * width // max(1, last - first))
        peaks[place] = max(value, peaks[place] or 0)
    values = [value for _, value in points]
    top, shown, bars = max(values), points[0][1], []
    floor = min(values) if top - min(values) > top * _JITTER else 0
    height = (top - floor) or 1
    for peak in peaks:
        shown = shown if peak is None else peak
        bars.append(BARS[min(len(BARS) - 1, (shown - floor) * len(BARS) // height)])
    return "".join(bars)


def print_memory(console: Console, points: Sequence[MemoryPoint]) -> None:
    """Print RSS and HeapAlloc from the first point to the last; nothing where there are fewer than three."""
    rows = [
        ("RSS", [(p.at, p.rss_bytes) for p in points if p.rss_bytes is not None]),
        ("HeapAlloc", [(p.at, p.heap_alloc_bytes) for p in points if p.heap_alloc_bytes is not None]),
    ]
    rows = [(name, values) for name, values in rows if len(values) >= _LEAST_POINTS]
    if not rows:
        return
    heading(console, f"Memory over {duration_text(points[-1].at - points[0].at)}")
    for name, values in rows:
        bars = Text(sparkline(values, max(8, min(_WIDEST, console.width - _BESIDE))), "cyan")
        if not (console.encoding or "utf-8").lower().startswith("utf"):
            bars = Text(bars.plain.translate(_ASCII_BARS), "cyan")
        line = Text.assemble(f"  {name:<9} {bytes_text(values[0][1]):>10} ", bars)
        console.print(encodable(console, line.append(f" {bytes_text(values[-1][1])}")), soft_wrap=True)
