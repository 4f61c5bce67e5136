"""A journal on the disk: its lines, and how they are read back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mapmedic.capture.files import open_regular
from mapmedic.errors import CannotRead, FormatError
from mapmedic.formats.journal import MAX_JOURNAL_BYTES, encode_event, parse_event, parse_journal
from mapmedic.model.journal import JournalEvent, JournalLines

_MAX_LINE_BYTES, _MOST_SCANNED_BYTES = 1 << 20, 1 << 30


def journal_line(event: str, facts: Mapping[str, object]) -> bytes:
    """Return the line that says of now that ``event`` happened."""
    return encode_event(time.time_ns(), event, facts)


def read_journal(path: Path) -> JournalLines:
    """Return what is in the journal at ``path``; CannotRead where it cannot be read, FormatError where it is none."""
    with open_regular(path) as file:
        try:
            data = file.read(MAX_JOURNAL_BYTES + 1)
        except OSError as error:
            raise CannotRead(str(path), error.strerror or str(error)) from error
    try:
        return parse_journal(data)
    except FormatError as error:
        raise FormatError(f"{path}: {error.what}", error.why, error.offset) from error


def iter_events(path: Path, names: Sequence[str]) -> Iterator[JournalEvent]:
    """Yield the events called one of ``names`` in the journal at ``path``, holding one line of it at a time.

    What makes no sense is left out, a line of more than a MiB too, and what lies behind the first GiB. CannotRead
    where it cannot be read.
    """
    marks, left = [name.encode() for name in names], _MOST_SCANNED_BYTES
    with open_regular(path) as file:
        try:
            while left > 0 and (line := file.readline(_MAX_LINE_BYTES)):
                left -= len(line)
                event = parse_event(line) if any(mark in line for mark in marks) else None
                if event is not None and event.name in names:
                    yield event
        except OSError as error:
            raise CannotRead(str(path), error.strerror or str(error)) from error
