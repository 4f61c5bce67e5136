"""What was done to a target, written down before it is done: one JSON object a line, durable at once."""

from __future__ import annotations

import calendar
import errno
import fcntl
import math
import os
import re
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from mapmedic.capture.files import sync_folder
from mapmedic.capture.journal_file import journal_line
from mapmedic.errors import CouldNotLook, JournalUnwritable, ProcessUnreadable, UsageError
from mapmedic.memory.process import started_at_seconds

_STAMP = "%Y%m%dT%H%M%S"
_NAME = re.compile(r"(\d{8}T\d{6})\.\d+-(\d+)-")
# What a file system (NFS without lockd, some of FUSE) says that has no locks: flock(2).
_NO_LOCKS = frozenset((errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))


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

    ``written``: the names of the events that went into it through this object.

    A journal that cannot be written stops the fix before it starts: JournalUnwritable.
    """

    def __init__(self, folder: Path, map_name: str) -> None:
        safe = re.sub(r"[^\w.-]+", "_", map_name, flags=re.ASCII)[:80]
        now = time.time_ns()
        stamp = f"{time.strftime(_STAMP, time.gmtime(now // 10**9))}.{now % 10**9:09d}"
        self.written: set[str] = set()
        self.path = folder / f"{stamp}-{os.getpid()}-{safe}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
            self._gap = b""
            _hold(self._descriptor)
            sync_folder(folder)
        except OSError as error:
            raise JournalUnwritable(str(self.path), error.strerror or str(error)) from error

    @classmethod
    def go_on(cls, path: Path) -> Journal:
        """Open the journal at ``path`` to write on; JournalUnwritable where it cannot be, or another run writes it."""
        journal = cls.__new__(cls)
        journal.path, journal.written = path, set()
        with ExitStack() as opened:
            try:
                journal._descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
                opened.callback(os.close, journal._descriptor)
                _hold(journal._descriptor, fcntl.LOCK_NB)
                size = os.fstat(journal._descriptor).st_size
                is_cut = bool(size) and os.pread(journal._descriptor, 1, size - 1) != b"\n"
            except BlockingIOError as error:
                raise JournalUnwritable(str(path), "another run is writing it") from error
            except OSError as error:
                raise JournalUnwritable(str(path), error.strerror or str(error)) from error
            opened.pop_all()
        # Whoever wrote it died in the middle of a line. Before the next one only: it may turn out to be no journal.
        journal._gap = b"\n" if is_cut else b""
        return journal

    def write(self, event: str, **facts: object) -> None:
        """Append one event and wait until the disk has it."""
        self._append(event, facts, durable=True)

    def write_in_a_stop(self, event: str, **facts: object) -> None:
        """Append one event and do not wait for the disk: it outlives us; a machine that dies takes its process along.

        What is written later waits for this as well.
        """
        self._append(event, facts, durable=False)

    def _append(self, event: str, facts: dict[str, object], *, durable: bool) -> None:
        rest = self._gap + journal_line(event, facts)
        try:
            while rest:  # a disk that fills up takes a part first; what comes later begins a line of its own
                rest = rest[os.write(self._descriptor, rest) :]
                self._gap = b"\n" if rest else b""
            if durable:
                os.fsync(self._descriptor)
            self.written.add(event)
        except OSError as error:
            raise JournalUnwritable(str(self.path), error.strerror or str(error)) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _hold(descriptor: int, or_fail: int = 0) -> None:
    """Lock a journal as long as we live: who looks for what was left undone must not take it for that."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | or_fail)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def is_in_use(path: Path) -> bool:
    """Tell whether whoever writes the journal at ``path`` is still alive."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        return error.errno in _NO_LOCKS and _writer_lives(path)
    return False


def _writer_lives(path: Path) -> bool:
    """Tell it where the file system has no locks: by the number in the name, of a process no younger than that name."""
    match = _NAME.match(path.name)
    try:
        began = started_at_seconds(int(match[2])) if match else math.inf
    except ProcessUnreadable:
        return False
    return match is not None and began <= calendar.timegm(time.strptime(match[1], _STAMP)) + 1


def note(journal: Journal, event: str, **facts: object) -> None:
    """Write what has happened already, where a full disk must not hide it or stop what has to follow."""
    with suppress(CouldNotLook):
        journal.write(event, **facts)
