"""The inventory of a live process or a core: read its memory, survey its heap, name what is in it."""

from __future__ import annotations

from pathlib import Path

from mapmedic.capture.files import open_regular
from mapmedic.capture.targets import Target, TargetKind
from mapmedic.errors import CouldNotLook, FormatError, TargetUnsupported, UsageError
from mapmedic.goheap.heap import GoHeap, survey_heap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.names import GlobalNames, read_names
from mapmedic.memory.core import read_core
from mapmedic.memory.reader import Memory
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Inventory, SnapshotMode

_MOST_PROGRAM_BYTES = 1 << 29


def capture_inventory(
    target: Target, how: SnapshotMode, max_pause_ms: float, exe: Path | None = None
) -> Inventory:
    """Return every map of the process or core that ``target`` names; ``exe`` is the program of a core.

    TargetUnsupported for a target that is neither, CouldNotLook where it cannot be read.
    """
    memory, program = _read(target, how, max_pause_ms, exe)
    names, why = _names(memory, program) if program else (None, None)
    return take_inventory(_survey(memory), names, (why,) if why else ())


def _survey(memory: Memory) -> GoHeap:
    """Return the heap in ``memory``; where a heap that is not all there makes no sense, what is missing is said."""
    try:
        return survey_heap(memory)
    except CouldNotLook as error:
        if not memory.unread:
            raise
        raise CouldNotLook("; ".join([str(error), *memory.remarks])) from error


def _read(
    target: Target, how: SnapshotMode, max_pause_ms: float, exe: Path | None
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
    return read_process(pid, how, max_pause_ms=max_pause_ms), Path(f"/proc/{pid}/exe")


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
