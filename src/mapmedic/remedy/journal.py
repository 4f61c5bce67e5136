"""What was done to a target, written down before it is done: one JSON object a line, durable at once."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from mapmedic.capture.files import sync_folder
from mapmedic.errors import CouldNotLook, JournalUnwritable, UsageError

SCHEMA = "mapmedic.journal/1"


def default_folder() -> Path:
    """Return where journals live: $XDG_STATE_HOME/mapmedic, by default ~/.local/state/mapmedic.

    UsageError where this user has no home, as in a container that runs as a bare number.
    """
    try:
        state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    except RuntimeError as error:
        raise UsageError("this user has no home directory to keep a journal in") from error
    return Path(state) / "mapmedic" / "journal"


class Journal:
    """An append-only file, mode 0600; every line is on the disk before ``write`` returns.

    A journal that cannot be written stops the fix before it starts: JournalUnwritable.
    """

    def __init__(self, folder: Path, map_name: str) -> None:
        safe = re.sub(r"[^\w.-]+", "_", map_name, flags=re.ASCII)[:80]
        now = time.time_ns()
        stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now // 10**9))}.{now % 10**9:09d}"
        self.path = folder / f"{stamp}-{os.getpid()}-{safe}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
            # As long as we live: who looks for what was left undone must not take it for that.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            sync_folder(folder)
        except OSError as error:
            raise JournalUnwritable(str(self.path), error.strerror or str(error)) from error

    def write(self, event: str, **facts: object) -> None:
        """Append one event and wait until the disk has it."""
        line = {"schema": SCHEMA, "at_unix_ns": time.time_ns(), "event": event, **facts}
        rest = (json.dumps(line, default=str) + "\n").encode()
        try:
            while rest:  # a disk that fills up takes a part first
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise CouldNotLook(f"cannot write the journal {self.path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def is_in_use(path: Path) -> bool:
    """Tell whether whoever writes the journal at ``path`` is still alive."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def note(journal: Journal, event: str, **facts: object) -> None:
    """Write what has happened already, where a full disk must not hide it or stop what has to follow."""
    with suppress(CouldNotLook):
        journal.write(event, **facts)
