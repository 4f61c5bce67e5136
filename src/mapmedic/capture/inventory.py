"""The inventory of a live process or a core: read its memory, survey its heap, name what is in it."""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path

from mapmedic.capture.files import open_regular
from mapmedic.capture.targets import Target, TargetKind
from mapmedic.errors import CouldNotLook, FormatError, ProcessUnreadable, TargetUnsupported, UsageError
from mapmedic.goheap.build import BUILD_MAGIC
from mapmedic.goheap.heap import GoHeap, survey_heap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.names import GlobalNames, read_names
from mapmedic.memory.access import require_readable
from mapmedic.memory.core import read_core
from mapmedic.memory.reader import Memory
from mapmedic.memory.snapshot import Progress, read_process
from mapmedic.model.inventory import Inventory, Limits

_MOST_PROGRAM_BYTES = 1 << 29


def capture_inventory(
    target: Target, limits: Limits, exe: Path | None = None, progress: Progress | None = None
) -> Inventory:
    """Return every map of the process (read within ``limits``) or core that ``target`` names.

    ``exe`` is the program of a core. TargetUnsupported for a target that is neither, CouldNotLook where it
    cannot be read.
    """
    return capture_heap(target, limits, exe, progress)[1]


def capture_heap(
    target: Target, limits: Limits, exe: Path | None = None, progress: Progress | None = None
) -> tuple[GoHeap, Inventory]:
    """Return the heap of ``target`` and its inventory; arguments and errors as of ``capture_inventory``."""
    memory, program = _read(target, limits, exe, progress)
    names, why = _names(memory, program) if program else (None, None)
    heap = _survey(memory)
    return heap, take_inventory(heap, names, (why,) if why else ())


def _survey(memory: Memory) -> GoHeap:
    """Return the heap in ``memory``; where a heap that is not all there makes no sense, what is missing is said."""
    try:
        return survey_heap(memory)
    except CouldNotLook as error:
        if not memory.unread:
            raise
        raise CouldNotLook("; ".join([str(error), *memory.remarks])) from error


def _read(
    target: Target, limits: Limits, exe: Path | None, progress: Progress | None
) -> tuple[Memory, Path | None]:
    """Return the memory and the program's file."""
    if target.kind is TargetKind.CORE:
        core = read_core(Path(target.text.removeprefix("core:")), open_regular, exe)
        return core.memory, core.program
    if target.kind is not TargetKind.PROCESS:
        raise TargetUnsupported(
            target.text, "the inventory needs a process on this machine (pid:N) or a core (core:PATH)"
        )
    if exe is not None:
        raise UsageError("--exe names the program of a core; a process says itself what it runs")
    pid = int(target.text.removeprefix("pid:"))
    _require_go(pid)
    return read_process(pid, limits, progress=progress), Path(f"/proc/{pid}/exe")


def _require_go(pid: int) -> None:
    """Raise ProcessUnreadable, before anything is done to ``pid``, where its program is not one of Go."""
    require_readable(pid)
    try:
        with (
            Path(f"/proc/{pid}/exe").open("rb") as file,
            mmap(file.fileno(), 0, access=ACCESS_READ) as program,
        ):
            found = program.find(BUILD_MAGIC)
    except (OSError, ValueError):
        return  # no file to be asked; its memory will tell
    if found < 0:
        why = "it carries no Go build information: not a Go program, or one of Go before 1.18"
        raise ProcessUnreadable(pid, why, "not_go")


def _names(memory: Memory, path: Path) -> tuple[GlobalNames | None, str | None]:
    """Return the names of global variables, or a sentence on why there are none where there should be."""
    try:
        with path.open("rb") as file:
            program = file.read(_MOST_PROGRAM_BYTES + 1)
        if len(program) > _MOST_PROGRAM_BYTES:
            return None, f"the program's file: larger than {_MOST_PROGRAM_BYTES:,} bytes"
        return read_names(memory, program), None
    except OSError as error:
        return None, f"the program's file: {error.strerror or error}"
    except FormatError as error:
        return None, f"the program's debug information: {error.why}"
