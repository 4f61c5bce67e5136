"""Go's ``heap?debug=1`` and ``allocs?debug=1`` text."""

from __future__ import annotations

import numpy as np

from mapmedic import _native
from mapmedic.errors import FormatError
from mapmedic.formats._native_errors import MAX_BYTES, blaming
from mapmedic.formats.memstats import parse_memstats
from mapmedic.model.heap_records import HeapRecords, HeapTotals
from mapmedic.model.memstats import MemStats

_WHAT = "heap profile text"


def parse_heap_text(data: bytes, *, allow_truncated: bool = False, max_bytes: int = MAX_BYTES) -> HeapRecords:
    """Read the text (gzipped or not) into columns.

    Offsets in errors count decompressed bytes. Go always ends the text with the memstats footer, so a
    text without one was cut: that is a FormatError, unless ``allow_truncated``; then the whole records
    before the cut are returned with ``complete`` False. Raises FormatError.
    """
    with blaming(_WHAT):
        plain = _native.gunzip(data, max_bytes)
        columns = _native.parse_heap_text(plain, allow_truncated)
    memstats = _footer(plain, columns["footer"], allow_truncated)
    return _records(columns, memstats)


def _footer(plain: bytes, footer: int | None, allow_truncated: bool) -> MemStats | None:
    if footer is None:
        return None
    try:
        return parse_memstats(plain[footer:], footer)
    except FormatError:
        if allow_truncated:
            return None
        raise


def _records(columns: _native.HeapTextColumns, memstats: MemStats | None) -> HeapRecords:
    *totals, doubled_rate = columns["header"]
    return HeapRecords(
        sampling_rate_bytes=doubled_rate // 2,
        totals=HeapTotals(*totals),
        inuse_objects=np.frombuffer(columns["inuse_objects"], dtype="<i8"),
        inuse_bytes=np.frombuffer(columns["inuse_bytes"], dtype="<i8"),
        alloc_objects=np.frombuffer(columns["alloc_objects"], dtype="<i8"),
        alloc_bytes=np.frombuffer(columns["alloc_bytes"], dtype="<i8"),
        stack_start=np.frombuffer(columns["stack_start"], dtype="<i8"),
        stack=np.frombuffer(columns["stack"], dtype="<u8"),
        frame_start=np.frombuffer(columns["frame_start"], dtype="<i8"),
        frame_pc=np.frombuffer(columns["frame_pc"], dtype="<u8"),
        frame_function=np.frombuffer(columns["frame_function"], dtype="<i4"),
        frame_offset=np.frombuffer(columns["frame_offset"], dtype="<u8"),
        frame_file=np.frombuffer(columns["frame_file"], dtype="<i4"),
        frame_line=np.frombuffer(columns["frame_line"], dtype="<i4"),
        names=columns["names"],
        files=columns["files"],
        memstats=memstats,
        complete=memstats is not None,
    )
