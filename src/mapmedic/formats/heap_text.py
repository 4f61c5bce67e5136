"""Go's ``heap?debug=1`` and ``allocs?debug=1`` text.

How the raw PCs after ``@`` relate to the ``#`` lines below them, settled on linux/amd64 with Go 1.21.13,
1.22.10, 1.23.9, 1.24.11, 1.25.5, 1.26.6 and 1.27.3, plain and (1.21, 1.23, 1.24, 1.27) built with ``-s -w``;
tests/golden/test_facts.py proves each line again on every golden:

* One raw PC is one frame, inlined ones included: the runtime has already expanded inlining into PCs of
  its own (upstream: runtime.tracebackPCs, runtime.fpunwindExpand). So the ``#`` lines pair off with raw PCs
  in order, one to one, and the printed PC is the raw one less one (runtime.CallersFrames).
* Left out are the leading frames of ``runtime.`` and (1.23 on) ``internal/runtime/``, and ``runtime.goexit``
  at the root; nothing in between. Where every frame is of the runtime, all are printed and none is hidden.
* Ask ``/debug/pprof/symbol`` for raw PC **less one**: every printed frame then gets its ``#`` name back,
  inlined ones included, and so does every hidden one. Asked for the raw PC itself, 27 to 36 % of the printed
  frames (and up to a third of the hidden ones) get another function's name: the return address stands behind
  the call, where the next inlined body may already begin.
* Figures here are as sampled; unsampled (``HeapRecords.unsampled``) they add up to the binary profile's.
"""

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
