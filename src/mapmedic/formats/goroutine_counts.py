"""``goroutine?debug=1``: goroutines counted by stack, taken without stopping the world.

A line ``COUNT @ 0xPC …`` and one ``#\\t0xPC\\tfunction+0xOFFSET\\tfile:line`` a frame, runtime frames at the
leaf left out (upstream: src/runtime/pprof/pprof.go printCountProfile). States and waiting times are only
in ``debug=2``, which stops the service while it prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mapmedic import _native
from mapmedic.errors import FormatError
from mapmedic.formats._native_errors import blaming
from mapmedic.model.goroutines import GoroutineDump, GoroutineFrame, GoroutineGroup

_WHAT = "goroutine?debug=1"
MAX_BYTES = 64 << 20
_HEADER = re.compile(rb"goroutine profile: total (\d{1,18})\r?\n")
_RECORD = re.compile(rb"(\d{1,18}) @(?: 0x[0-9a-f]{1,16})*")
_ENTRY_OFFSET = re.compile(rb"\+0x[0-9a-f]{1,16}\Z")
_PLACE = re.compile(rb"(.*):(\d{1,9})")
_PC = re.compile(rb"0x[0-9a-f]{1,16}")
_MAX_LINES = 2_000_000
"""A dump of distinct stacks: these are some 100 MB of text."""


def parse_goroutine_counts(data: bytes, *, max_bytes: int = MAX_BYTES) -> GoroutineDump:
    """Return goroutines by stack (gzipped or not), most frequent first; ``state`` is empty. Raises FormatError."""
    with blaming(_WHAT):
        data = _native.gunzip(data, max_bytes)
    if data.count(b"\n") > _MAX_LINES:
        raise FormatError(_WHAT, f"more than {_MAX_LINES:,} lines")
    header = _HEADER.match(data)
    if header is None:
        raise FormatError(_WHAT, "its first line gives no total", 0)
    groups = sorted(_groups(data, header.end()), key=lambda group: -group.count)
    total = int(header.group(1))
    return GoroutineDump(tuple(groups), total, truncated=sum(group.count for group in groups) < total)


def _groups(data: bytes, offset: int) -> Iterator[GoroutineGroup]:
    count, frames = 0, list[GoroutineFrame]()
    seen: dict[bytes, GoroutineFrame] = {}
    while offset < len(data):
        end = data.find(b"\n", offset)
        end = end if end >= 0 else len(data)
        line = data[offset:end].rstrip(b"\r")
        if line.startswith(b"#\t"):
            frames.append(seen.get(line) or seen.setdefault(line, _frame(line, offset)))
        elif record := _RECORD.fullmatch(line):
            if count:
                yield _group(count, frames)
            count, frames = int(record.group(1)), []
        elif line and not line.startswith(b"# "):  # "# labels: {…}" is a comment
            raise FormatError(_WHAT, "a line that is neither a count nor a frame", offset)
        offset = end + 1
    if count:
        yield _group(count, frames)


def _frame(line: bytes, offset: int) -> GoroutineFrame:
    pc, *words = [word for word in line.split(b"\t")[1:] if word] or [b""]
    if not words and _PC.fullmatch(pc):  # a frame that Go itself cannot name, of C code for one
        return GoroutineFrame(pc.decode(), "", 0)
    place = _PLACE.fullmatch(words[1]) if len(words) == 2 else None
    if place is None or not _PC.fullmatch(pc):
        raise FormatError(_WHAT, "a frame without function, file and line", offset)
    function, file = _ENTRY_OFFSET.sub(b"", words[0]), place.group(1)
    return GoroutineFrame(
        function.decode("utf-8", "replace"), file.decode("utf-8", "replace"), int(place.group(2))
    )


def _group(count: int, frames: list[GoroutineFrame]) -> GoroutineGroup:
    return GoroutineGroup(
        count=count, state="", wait_minutes_min=0, wait_minutes_max=0, frames=tuple(frames),
        created_by=None, sample_ids=(), locked_to_thread=0, elided=False,
    )  # fmt: skip
