"""Read a journal, and the entries that were saved beside it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from mapmedic.capture.entries_file import DIFFERENCE_SUFFIX, iter_at_the_write, read_saved, saved_header
from mapmedic.capture.partial_file import PartialFile
from mapmedic.errors import CouldNotLook, FormatError, UsageError
from mapmedic.model.journal import JournalStory
from mapmedic.remedy.journal_story import tell_journal


def show_journal(path: Path) -> JournalStory:
    """Return what the journal at ``path`` tells: how far it got, and what it cannot tell."""
    return tell_journal(path)


def export_entries(path: Path, *, as_csv: bool = False) -> Iterator[str]:
    """Yield the lines of the entries that the journal, or file of entries, at ``path`` leads to.

    They are those of the moment of the write where what came in between was saved. Everything is checked before the
    first line. CouldNotLook where nothing was saved, FormatError where a file is not whole, UsageError where raw bytes
    are wanted as columns.
    """
    base, difference = _files(path)
    for each in (base, difference):
        if each is not None and read_saved(each).is_raw and as_csv:
            raise UsageError(f"{each} has raw bytes, no keys and values: export it as jsonl")
    return _lines(iter_at_the_write(base, difference), as_csv=as_csv)


def write_export(path: Path, lines: Iterator[str], *, force: bool) -> None:
    """Write ``lines`` to a new file at ``path``, there only when whole; OutputExists without ``force``."""
    out = PartialFile(path, force=force)
    try:
        with out.writing():
            for line in lines:
                out.file.write(line.encode())
            out.finish()
    finally:
        out.leave(keep=False)


def _files(path: Path) -> tuple[Path, Path | None]:
    try:
        story = tell_journal(path)
    except FormatError:
        return _by_header(path)
    there = [Path(each.path) for each in story.files if each.path]
    if len(there) < len(story.files) or not there:
        missing = next((each.named for each in story.files if each.path is None), None)
        raise CouldNotLook(
            f"{path}: {missing} is not there any more"
            if missing
            else f"{path}: no entries were saved beside it"
        )
    bases = [each for each in there if not each.name.endswith(DIFFERENCE_SUFFIX)]
    if len(bases) > 1:
        raise CouldNotLook(f"{path}: it saved {len(bases)} maps; name one: {', '.join(map(str, bases))}")
    return there[0], there[1] if len(there) > 1 else None


def _by_header(path: Path) -> tuple[Path, Path | None]:
    header = saved_header(path)
    if header.is_difference:
        raise FormatError(
            str(path), "it has only what came in between; name the journal, or the file of the entries"
        )
    beside = path.with_suffix(DIFFERENCE_SUFFIX)
    return path, beside if beside.is_file() else None


def _lines(payloads: Iterator[bytes], *, as_csv: bool) -> Iterator[str]:
    if as_csv:
        yield _row(("key", "value"))
    for payload in payloads:
        # ASCII alone: what a terminal would obey is written out, and every reader reads it.
        entry = json.loads(payload) if as_csv or not payload.isascii() else None
        if as_csv and isinstance(entry, dict):
            yield _row((json.dumps(entry.get("key")), json.dumps(entry.get("value"))))
        else:
            yield (payload.decode() if entry is None else json.dumps(entry)) + "\n"


def _row(cells: tuple[str, str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
