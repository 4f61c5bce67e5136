"""``goroutine?debug=1``: goroutines counted by stack, taken without stopping the world.

A line ``COUNT @ 0xPC …`` and one ``#\\t0xPC\\tfunction+0xOFFSET\\tfile:line`` a frame, runtime frames at the
leaf left out (upstream: src/runtime/pprof/pprof.go printCountProfile). States and waiting times are only
in ``debug=2``, which stops the service while it prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mapmedic.errors import FormatError
from mapmedic.model.goroutines import GoroutineDump, GoroutineFrame, GoroutineGroup

_WHAT = "goroutine?debug=1"
MAX_BYTES = 64 << 20
_HEADER = re.compile(rb"goroutine profile: total (\d{1,18})\r?\n")
_RECORD = re.compile(rb"(\d{1,18}) @(?: 0x[0-9a-f]{1,16})*")
_FRAME = re.compile(rb"#\t0x[0-9a-f]{1,16}\t(.*?)(?:\+0x[0-9a-f]{1,16})?[\t ]+([^\t]*):(\d{1,9})")


def parse_goroutine_counts(data: bytes, *, max_bytes: int = MAX_BYTES) -> GoroutineDump:
    """Return goroutines by stack, most frequent first; ``state`` is empty throughout. Raises FormatError."""
    if len(data) > max_bytes:
        raise FormatError(_WHAT, f"larger than {max_bytes} bytes", max_bytes)
    header = _HEADER.match(data)
    if header is None:
        raise FormatError(_WHAT, "its first line gives no total", 0)
    groups = sorted(_groups(data[header.end() :], header.end()), key=lambda group: -group.count)
    total = int(header.group(1))
    return GoroutineDump(tuple(groups), total, truncated=sum(group.count for group in groups) < total)


def _groups(text: bytes, start: int) -> Iterator[GoroutineGroup]:
    count, frames, offset = 0, list[GoroutineFrame](), start
    for line in text.splitlines(keepends=True):
        bare = line.strip(b"\r\n")
        record = _RECORD.fullmatch(bare)
        if record:
            if count:
                yield _group(count, frames)
            count, frames = int(record.group(1)), []
        elif bare.startswith(b"#\t"):
            frames.append(_frame(bare, offset))
        elif bare and not bare.startswith(b"# "):  # "# labels: {…}" is a comment
            raise FormatError(_WHAT, "a line that is neither a count nor a frame", offset)
        offset += len(line)
    if count:
        yield _group(count, frames)


def _frame(line: bytes, offset: int) -> GoroutineFrame:
    match = _FRAME.fullmatch(line)
    if match is None:
        raise FormatError(_WHAT, "a frame without function, file and line", offset)
    function, file, number = match.groups()
    return GoroutineFrame(function.decode("utf-8", "replace"), file.decode("utf-8", "replace"), int(number))


def _group(count: int, frames: list[GoroutineFrame]) -> GoroutineGroup:
    return GoroutineGroup(
        count=count, state="", wait_minutes_min=0, wait_minutes_max=0, frames=tuple(frames),
        created_by=None, sample_ids=(), locked_to_thread=0, elided=False,
    )  # fmt: skip
