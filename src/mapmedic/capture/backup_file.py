"""Backups on the disk: written as the entries arrive, read back without holding them all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from mapmedic.capture.files import open_regular
from mapmedic.capture.partial_file import PartialFile
from mapmedic.errors import CannotRead, FormatError
from mapmedic.formats.entry_stream import (
    MAX_HEADER_BYTES,
    StreamReader,
    encode_header,
    encode_stream,
    parse_header,
)
from mapmedic.model.backup import Backup, BackupHeader, StreamEnd

_READ_BYTES = 1 << 18
# A stream of one frame more than the trailer's few hundred bytes needs.
_TRAILER_ROOM = 4096


class BackupWriter:
    """Write a backup; the name without ``.partial`` appears only when it is whole and on the disk.

    OutputExists where ``path`` is there already, CannotWrite where it cannot be made, CouldNotLook when the
    disk is full. Leaving the context early takes the partial file away: it is no backup.
    """

    def __init__(self, path: Path, header: BackupHeader) -> None:
        self.path = path
        self.bytes = 0
        self._header = header
        self._out = PartialFile(path)
        try:
            self.write(encode_header(header))
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> BackupWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.leave(keep=False)

    def write(self, data: bytes) -> None:
        """Append what has arrived."""
        with self._out.writing():
            self._out.file.write(data)
        self.bytes += len(data)

    def finish(self, end: StreamEnd) -> Backup:
        """Make the file durable, give it its name and return what it is."""
        with self._out.writing():
            self._out.finish()
        return Backup(str(self.path), self._header, end, self.bytes)


def read_backup(path: Path) -> Backup:
    """Read a backup to its end and return what it is; CannotRead, FormatError where it is not whole."""
    with _opened(path) as (file, header):
        reader = StreamReader()
        while data := file.read(_READ_BYTES):
            reader.feed(data)
        return Backup(str(path), header, reader.finish(), file.tell())


def iter_pieces(path: Path, most_bytes: int, *, lossy: bool | None) -> Iterator[tuple[int, bytes]]:
    """Yield the entries of a backup as streams of at most ``most_bytes``, each with its number of entries.

    ``lossy`` is what the backup's own trailer says: the agent judges each piece by it.
    """
    with _opened(path) as (file, _header):
        reader = StreamReader()
        piece: list[bytes] = []
        size = _TRAILER_ROOM
        while data := file.read(_READ_BYTES):
            for payload in reader.feed(data):
                frame = 4 + len(payload)
                if piece and size + frame > most_bytes:
                    yield len(piece), encode_stream(piece, lossy=lossy)
                    piece, size = [], _TRAILER_ROOM
                piece.append(payload)
                size += frame
        reader.finish()
        if piece:
            yield len(piece), encode_stream(piece, lossy=lossy)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, BackupHeader]]:
    """Open a backup behind its header; errors of its format name the file."""
    with open_regular(path) as file:
        try:
            header, begin = parse_header(file.read(MAX_HEADER_BYTES + 4))
            file.seek(begin)
            yield file, header
        except FormatError as error:
            raise FormatError(f"{path}: {error.what}", error.why, error.offset) from error
        except OSError as error:
            raise CannotRead(str(path), error.strerror or str(error)) from error
