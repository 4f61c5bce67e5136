"""Which pages are in RAM, of a process that knows: this one."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
import tempfile

from mapmedic import _native
from mapmedic.memory.process import read_extents
from mapmedic.memory.reader import Extent
from mapmedic.memory.resident import with_resident

PAGE = 4096
PAGES = 64


def test_bytes_on_touched_pages_are_counted_to_the_byte() -> None:
    region = mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    region.madvise(mmap.MADV_NOHUGEPAGE)
    touched = set(range(0, PAGES, 3)) | {10, 11}
    for page in touched:
        region[page * PAGE] = 1
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    with tempfile.TemporaryFile() as file:
        pieces, unread, resident = _native.copy_memory(
            os.getpid(), [(start, start + PAGES * PAGE, True)], [file.fileno()], 1 << 30, None
        )
        image = _native.Image([([file.fileno()], pieces)], resident)
        blind = _native.Image([([file.fileno()], pieces)])
    assert not unread
    for first, bytes_ in (
        (0, PAGES * PAGE),
        (9, 1),
        (PAGE - 1, 2),
        (100, 3 * PAGE),
        (10 * PAGE + 7, 2 * PAGE),
        (0, 0),
    ):
        truth = sum(at // PAGE in touched for at in range(first, first + bytes_))
        assert image.resident_bytes(start + first, bytes_) == truth
    assert image.resident_bytes(start - 1, 1) == 0
    assert blind.resident_bytes(start, PAGE) is None


def test_mappings_add_up_to_what_the_kernel_counts() -> None:
    # A process that does nothing meanwhile: this one maps memory while it reads.
    maps = "import mmap; m = mmap.mmap(-1, 8 << 20, flags=34); m[: 5 << 20] = b'x' * (5 << 20)"
    words = f"{maps}; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        extents, rss = with_resident(read_extents(child.pid), child.pid, child.pid)
        child.communicate(b"\n")
    told = [extent.resident_bytes for extent in extents if extent.start < 1 << 47]
    assert rss is not None
    assert sum(each or 0 for each in told) == rss
    assert any(each and 5 << 20 <= each < 6 << 20 for each in told)


def test_where_the_kernel_says_nothing_nothing_is_known() -> None:
    extent = Extent(0, PAGE)  # type: ignore[arg-type]
    assert with_resident((extent,), 1 << 30, 1 << 30) == ((extent,), None)
