"""Where a few instructions can be put that a program has no use for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mapmedic import _native
from mapmedic.memory.reader import Address, Extent

_PAGE = 4096


def find_room(pid: int, exe: str, extents: Sequence[Extent]) -> Address | None:
    """Return where STUB_BYTES zero bytes lie in an executable mapping of the program, in no section; None: nowhere.

    They are looked for behind the last byte of the text, where the file was padded to a page, and in the first
    page, between the program's headers and its first section.
    """
    for extent in extents:
        if extent.executable and extent.name == exe:
            for page in (extent.end - _PAGE, extent.start):
                room = _zeros_in(pid, page)
                if room is not None:
                    return room
    return None


def _zeros_in(pid: int, page: int) -> Address | None:
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(page)
            bytes_ = memory.read(_PAGE)
    except OSError:
        return None
    # 16 more than needed, so that the start can be rounded up.
    at = bytes_.rfind(bytes(_native.STUB_BYTES + 16))
    return None if at < 0 else Address(page + (at + 15) // 16 * 16)
