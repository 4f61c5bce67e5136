"""``heap?debug=1`` read slowly, by regular expressions: the oracle of mapmedic.formats.heap_text."""

from __future__ import annotations

import math
import re
from typing import Any

_HEADER = re.compile(r"heap profile: (-?\d+): (-?\d+) \[(-?\d+): (-?\d+)\] @ heap/(\d+)\n")
_RECORD = re.compile(r"^(-?\d+): (-?\d+) \[(-?\d+): (-?\d+)\] @((?: 0x[0-9a-f]+)*)\n((?:#.*\n)*)\n", re.M)
_FRAME = re.compile(r"^#\t0x([0-9a-f]+)(?:\t(.*?)\+0x([0-9a-f]+)\t+(.*):(\d+))?$", re.M)


def decode(data: bytes) -> dict[str, Any]:
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    body, _, footer = text.partition("\n# runtime.MemStats\n")
    header = _HEADER.match(body)
    assert header
    records = [_record(match) for match in _RECORD.finditer(body[header.end() :])]
    fields = dict(line[2:].split(" = ", 1) for line in footer.splitlines() if " = " in line)
    return {"header": [int(n) for n in header.groups()], "records": records, "fields": fields}


def _record(match: re.Match[str]) -> tuple[Any, ...]:
    counts = [int(match[n]) for n in (1, 2, 3, 4)]
    stack = [int(pc, 16) for pc in match[5].split()]
    frames = [
        (int(pc, 16), name, int(offset or "0", 16), file, int(line or 0))
        for pc, name, offset, file, line in _FRAME.findall(match[6])
    ]
    return counts, stack, frames


def scaled(count: int, size: int, rate: int) -> tuple[int, int]:
    """Follow scaleHeapSample of src/runtime/pprof/protomem.go, line by line."""
    if count == 0 or size // count == 0:
        return 0, 0
    average = size // count
    if rate <= 1:
        return count, count * average
    scale = 1 / (1 - math.exp(-average / rate))
    return int(count * scale), int(count * average * scale)


def hidden(stack: list[int], frames: list[tuple[Any, ...]]) -> int:
    """Count the raw PCs before the first one that is printed, walking one by one."""
    first = {frames[0][0], frames[0][0] + 1} if frames else set()
    return next((depth for depth, pc in enumerate(stack) if pc in first), len(stack))
