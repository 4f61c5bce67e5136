"""The plain reading of a gctrace log: words between blanks, one line at a time."""

from __future__ import annotations

from typing import Any


def cycles(data: bytes) -> list[dict[str, Any]]:
    lines = data.decode().splitlines()
    return [_cycle(line.split("gc ", 1)[1]) for line in lines if line.startswith("gc ")]


def _cycle(text: str) -> dict[str, Any]:
    head, clock, cpu, heap, goal, *rest = text.replace(": ", ", ", 1).split(", ")
    number, at, share = head.split()[:3]
    phases = [float(word) for word in clock.split()[0].split("+")]
    used = [float(word) for word in cpu.split()[0].replace("/", "+").split("+")]
    return {
        "number": int(number),
        "at_seconds": float(at.strip("@s")),
        "cpu_share": int(share.rstrip("%")) / 100,
        "clock_ms": phases,
        "cpu_ms": used,
        "heap_mib": [int(word) for word in heap.split()[0].split("->")],
        "goal_mib": int(goal.split()[0]),
        "rest_mib": [int(each.split()[0]) for each in rest[:2]],
        "processors": int(rest[2].split()[0]),
        "forced": rest[2].endswith("(forced)"),
    }
