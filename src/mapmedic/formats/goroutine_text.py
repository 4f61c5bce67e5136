"""Goroutine dumps: ``goroutine?debug=2``, and what a crashing Go program prints.

Upstream: src/runtime/traceback.go (goroutineheader, traceback2, printcreatedby). Text before the first
goroutine and after a blank line is passed over, so the output of a panic parses as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from mapmedic import _native
from mapmedic.formats._native_errors import MAX_BYTES, blaming
from mapmedic.model.goroutines import GoroutineDump, GoroutineFrame, GoroutineGroup

_WHAT = "goroutine dump"
GO_CUTS_AT_BYTES = 64 << 20
"""writeGoroutineStacks in src/runtime/pprof/pprof.go gives up at a buffer of this size, and says nothing."""


def parse_goroutines(data: bytes, *, max_bytes: int = MAX_BYTES) -> GoroutineDump:
    """Group the goroutines of a dump (gzipped or not); a cut dump is not an error. Raises FormatError."""
    with blaming(_WHAT):
        plain = _native.gunzip(data, max_bytes) if data.startswith(b"\x1f\x8b") else data
    return group_goroutines([plain], max_bytes=max_bytes)


def group_goroutines(chunks: Iterable[bytes], *, max_bytes: int | None = None) -> GoroutineDump:
    """Group a dump that arrives in pieces, keeping distinct stacks only. Raises FormatError.

    ``max_bytes`` bounds the dump as a whole; None is right where the reader of ``chunks`` bounds it.
    """
    grouper = _native.GoroutineGrouper(max_bytes)
    size = 0
    with blaming(_WHAT):
        for chunk in chunks:
            grouper.feed(chunk)
            size += len(chunk)
        columns = grouper.finish()
    return _dump(columns, cut_by_go=size == GO_CUTS_AT_BYTES)


def _dump(columns: _native.GoroutineColumns, *, cut_by_go: bool) -> GoroutineDump:
    groups = _groups(columns)
    groups.sort(key=lambda group: -group.count)
    return GoroutineDump(tuple(groups), columns["total"], columns["truncated"] or cut_by_go)


def _groups(columns: _native.GoroutineColumns) -> list[GoroutineGroup]:
    lines = _ints(columns["lines"], "<i4")
    places = zip(columns["functions"], columns["files"], lines, strict=True)
    frames = [GoroutineFrame(function, file, line) for function, file, line in places]
    stack = [frames[frame] for frame in _ints(columns["frame"], "<i4")]
    return [
        GoroutineGroup(
            count=count,
            state=state,
            wait_minutes_min=shortest,
            wait_minutes_max=longest,
            frames=tuple(stack[start:end]),
            created_by=None if creator < 0 else frames[creator],
            sample_ids=tuple(ids),
            locked_to_thread=locked,
            elided=bool(elided),
        )
        for count, state, shortest, longest, (start, end), creator, ids, locked, elided in zip(
            _ints(columns["count"], "<u8"),
            columns["states"],
            _ints(columns["wait_min"], "<u8"),
            _ints(columns["wait_max"], "<u8"),
            pairwise(_ints(columns["frame_start"], "<i8")),
            _ints(columns["creator"], "<i4"),
            columns["ids"],
            _ints(columns["locked"], "<u8"),
            columns["elided"],
            strict=True,
        )
    ]


def _ints(column: bytes, kind: str) -> list[int]:
    numbers: list[int] = np.frombuffer(column, dtype=kind).tolist()
    return numbers
