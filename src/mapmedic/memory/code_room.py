"""Where a few instructions can be put that a program has no use for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mapmedic import _native
from mapmedic.memory.reader import Address, Extent

_PAGE = 4096
_ALIGN = 16


def find_room(pid: int, exe: str, extents: Sequence[Extent]) -> Address | None:
    """Return where STUB_BYTES zero bytes lie in an executable mapping of the program, in no section; None: nowhere.

    They are looked for behind the last byte of the text, where the file was padded to a page, and in the first
    page, between the program's headers and its first section. Where none are left, what a tool that was killed has
    left there serves once more.
    """
    texts = [extent for extent in extents if extent.executable and extent.name == exe]
    pages = [(page, _read(pid, page)) for text in texts for page in (text.end - _PAGE, text.start)]
    for find in (_zeros_in, _left_in):
        for page, bytes_ in pages:
            at = find(bytes_)
            if at is not None:
                return Address(page + at)
    return None


def _read(pid: int, page: int) -> bytes:
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(page)
            return memory.read(_PAGE)
    except OSError:
        return b""


def _zeros_in(bytes_: bytes) -> int | None:
    # So many more than needed that the start can be rounded up.
    at = bytes_.rfind(bytes(_native.STUB_BYTES + _ALIGN))
    return None if at < 0 else -(-at // _ALIGN) * _ALIGN


def _left_in(bytes_: bytes) -> int | None:
    at = bytes_.rfind(_native.STUB_MARK)
    return at if at >= 0 and at % _ALIGN == 0 and at + _native.STUB_BYTES <= _PAGE else None
