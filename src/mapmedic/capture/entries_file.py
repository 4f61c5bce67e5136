"""Saved entries on the disk: written as they are encoded, there only when whole, read back without holding them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from mapmedic.capture.files import open_regular
from mapmedic.capture.partial_file import PartialFile
from mapmedic.errors import FormatError
from mapmedic.formats.agent import parse_object
from mapmedic.formats.entry_stream import MAX_HEADER_BYTES, StreamReader, encode_end, encode_frame
from mapmedic.formats.saved_entries import encode_saved_header, parse_saved_header
from mapmedic.model.saved_entries import SavedHeader

DIFFERENCE_SUFFIX = ".difference.entries"
"""What came between the saved entries and the write lies beside them, in a file of their name with this ending."""
_LENGTH_BYTES = 4
_READ_BYTES = 1 << 18


class EntriesWriter:
    """Write a file of saved entries, mode 0600; it has its name only when it is whole and on the disk.

    OutputExists where ``path`` is there already, CannotWrite where it cannot be made, CouldNotLook when the disk is
    full. Leaving the context early takes away what was written.
    """

    def __init__(self, path: Path, header: SavedHeader) -> None:
        self.path, self.entries, self.bytes = path, 0, 0
        self._digest = hashlib.sha256()
        self._out = PartialFile(path)
        try:
            self._write(encode_saved_header(header))
        except BaseException:
            self._out.leave(keep=False)
            raise

    def __enter__(self) -> EntriesWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.leave(keep=False)

    def write(self, frames: bytes, ends: list[int]) -> None:
        """Append ``frames``, each of which ends at one of ``ends``."""
        begin, view = 0, memoryview(frames)
        for end in ends:
            self._digest.update(view[begin + _LENGTH_BYTES : end])
            begin = end
        self._write(frames)
        self.entries += len(ends)

    def write_one(self, payload: bytes) -> None:
        """Append one entry."""
        self.write(encode_frame(payload), [_LENGTH_BYTES + len(payload)])

    def finish(self, *, lossy: bool) -> str:
        """Append the trailer, make the file durable, give it its name; return the SHA-256 of its entries."""
        sha256 = self._digest.hexdigest()
        self._write(encode_end(self.entries, sha256, lossy=lossy))
        with self._out.writing():
            self._out.finish()
        return sha256

    def _write(self, data: bytes) -> None:
        with self._out.writing():
            self._out.file.write(data)
        self.bytes += len(data)


def read_saved(path: Path) -> SavedHeader:
    """Read a file of saved entries to its checked end and return its header; FormatError where it is not whole."""
    header = saved_header(path)
    for _ in iter_saved(path):
        pass
    return header


def saved_header(path: Path) -> SavedHeader:
    """Return the header of a file of saved entries; CannotRead, FormatError where it is none."""
    with open_regular(path) as file:
        return parse_saved_header(file.read(MAX_HEADER_BYTES + _LENGTH_BYTES))[0]


def iter_saved(path: Path) -> Iterator[bytes]:
    """Yield the JSON of each entry of a file of saved entries; FormatError at its end where it is not whole."""
    with open_regular(path) as file:
        _, begin = parse_saved_header(file.read(MAX_HEADER_BYTES + _LENGTH_BYTES))
        file.seek(begin)
        reader = StreamReader()
        while data := file.read(_READ_BYTES):
            yield from reader.feed(data)
        reader.finish()


def iter_at_the_write(base: Path, difference: Path | None) -> Iterator[bytes]:
    """Yield the JSON of each entry as of the write: those of ``base``, and what ``difference`` says came in between."""
    dropped: set[int] = set()
    news = _changes(difference) if difference else iter(())
    for number, _ in news:
        dropped.add(number)
    for number, payload in enumerate(iter_saved(base)):
        if number not in dropped:
            yield payload
    for _, entry in _changes(difference) if difference else iter(()):
        if entry is not None:
            yield json.dumps(entry).encode()


def _changes(difference: Path) -> Iterator[tuple[int, object]]:
    """Yield (number of the entry of the base, -1 for none; what stands for it, None for nothing)."""
    for payload in iter_saved(difference):
        facts = parse_object(payload, "difference of saved entries")
        number = facts.get("gone", facts.get("was", -1))
        if not isinstance(number, int):
            raise FormatError("difference of saved entries", "an entry in it has no number")
        yield number, facts.get("entry")
