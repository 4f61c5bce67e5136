"""Read a live process's own program, without a stop: its code, its tables, its global variables, and no heap."""

from __future__ import annotations

from pathlib import Path

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.access import require_readable
from mapmedic.memory.copying import Copying, descriptors, nameless_files
from mapmedic.memory.process import exe_path, read_extents
from mapmedic.memory.reader import Address, Extent, Memory
from mapmedic.model.inventory import Limits, SnapshotMode


def read_program(pid: int, *, folder: Path | None = None) -> Memory:
    """Return the program's own mappings of process ``pid``, in nameless files in ``folder``.

    Variables may change while they are read: each word is of one moment, all of them are not. ProcessUnreadable
    where it is not there, or is not ours to read.
    """
    require_readable(pid)
    exe = exe_path(pid)
    extents = tuple(_own(read_extents(pid), exe))
    with nameless_files(folder, "mapmedic-program-") as files:
        copying = Copying(pid, exe, files, files, sum(each.bytes for each in extents), Limits(), None)
        try:
            pieces, unread, resident = copying.copy(pid, extents)
        except _native.WindowFailed as error:
            raise ProcessUnreadable(pid, "it ended while it was looked at", "ended") from error
        except OSError as error:
            raise ProcessUnreadable(pid, f"its program cannot be read: {error.strerror or error}") from error
        image = _native.Image([(descriptors(files), pieces)], resident)
    missing = tuple((Address(start), Address(end)) for start, end in unread)
    return Memory(image, SnapshotMode.LIVE, exe, extents, (), missing, pid=pid)


def _own(extents: tuple[Extent, ...], exe: str) -> list[Extent]:
    """Return the mappings of ``exe``, and the zeroed data that lies right behind one of them."""
    own = [each for each in extents if each.name == exe]
    ends = {each.end for each in own}
    return [each for each in extents if each in own or (each.start in ends and each.is_anonymous)]
