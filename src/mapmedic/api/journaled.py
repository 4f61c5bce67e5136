"""A journal for one fix of a process, and what to say of it where the fix ends otherwise than it should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapmedic.errors import JournalUnwritable, MapmedicError, PreflightFailed
from mapmedic.remedy.journal import Journal


@contextmanager
def journaled(folder: str, name: str) -> Iterator[Journal]:
    """Open a new journal in ``folder`` for a fix of ``name``, and close it; an error of the fix is told where it is.

    PreflightFailed where it cannot be written: fixes write what matters into it before they change anything.
    """
    try:
        journal = Journal(Path(folder), name)
    except JournalUnwritable as error:
        raise PreflightFailed((f"journal: {error}",)) from error
    try:
        yield journal
    except JournalUnwritable as error:
        refused = PreflightFailed((f"journal: {error}",))
        refused.journal_path = str(journal.path)
        raise refused from error
    except MapmedicError as error:
        error.journal_path = str(journal.path)
        raise
    except KeyboardInterrupt as stop:
        stop.add_note(f"how far it came is in {journal.path}")
        raise
    finally:
        journal.close()
