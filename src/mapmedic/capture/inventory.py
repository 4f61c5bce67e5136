"""The inventory of a live process: read its memory, survey its heap, name what is in it."""

from __future__ import annotations

from pathlib import Path

from mapmedic.capture.targets import Target, TargetKind
from mapmedic.errors import FormatError, TargetUnsupported
from mapmedic.goheap.heap import survey_heap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.names import GlobalNames, read_names
from mapmedic.memory.reader import Memory
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Inventory, SnapshotMode

_MOST_PROGRAM_BYTES = 1 << 29


def capture_inventory(target: Target, how: SnapshotMode, max_pause_ms: float) -> Inventory:
    """Return every map of the process that ``target`` names.

    TargetUnsupported for a target that is no process, CouldNotLook where it cannot be read.
    """
    if target.kind is not TargetKind.PROCESS:
        raise TargetUnsupported(target.text, "the inventory needs a process on this machine (pid:N)")
    pid = int(target.text.removeprefix("pid:"))
    memory = read_process(pid, how, max_pause_ms=max_pause_ms)
    names, why = _names(memory, pid)
    return take_inventory(survey_heap(memory), names, (why,) if why else ())


def _names(memory: Memory, pid: int) -> tuple[GlobalNames | None, str | None]:
    """Return the names of global variables, or a sentence on why there are none where there should be."""
    try:
        with Path(f"/proc/{pid}/exe").open("rb") as file:
            program = file.read(_MOST_PROGRAM_BYTES + 1)
        if len(program) > _MOST_PROGRAM_BYTES:
            return None, f"the program's file: larger than {_MOST_PROGRAM_BYTES:,} bytes"
        return read_names(memory, program), None
    except OSError as error:
        return None, f"the program's file: {error.strerror or error}"
    except FormatError as error:
        return None, f"the program's debug information: {error.why}"
