"""The inventory of a live process or a core: read its memory, survey its heap, name what is in it."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, replace
from mmap import ACCESS_READ, mmap
from pathlib import Path

from mapmedic.capture.files import open_regular
from mapmedic.capture.image_loading import holds_image, load_image
from mapmedic.capture.targets import Target, TargetKind
from mapmedic.errors import (
    FormatError,
    HeapUnreadable,
    NoImage,
    ProcessUnreadable,
    TargetUnsupported,
    UsageError,
)
from mapmedic.formats.go_binary import GoBinary
from mapmedic.goheap.build import BUILD_MAGIC
from mapmedic.goheap.declared_types import with_declared_types
from mapmedic.goheap.goroutines import list_goroutines
from mapmedic.goheap.heap import GoHeap, survey_heap
from mapmedic.goheap.inventory import take_inventory
from mapmedic.goheap.names import GlobalNames, read_names
from mapmedic.goheap.recheck import recheck
from mapmedic.memory.access import require_readable
from mapmedic.memory.again import ProcessAgain
from mapmedic.memory.copying import Progress
from mapmedic.memory.core import read_core
from mapmedic.memory.process import started_at_seconds
from mapmedic.memory.reader import Memory
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Inventory, Limits, SnapshotMode

_MOST_PROGRAM_BYTES = 1 << 29
# How often memory is read while its process runs, until the runtime's own lists in it can be followed.
_LIVE_TRIES = 3


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
) -> tuple[GoHeap, Inventory, GlobalNames | None]:
    """Return the heap of ``target``, its inventory, and the program's names; arguments as of ``capture_inventory``."""
    look, program, heap = _look(target, limits, exe, progress)
    if heap.memory.how is SnapshotMode.LIVE:
        heap = _recheck(heap, limits)
    inventory = take_inventory(heap, program.names, program.blanks)
    goroutines, stack_bytes = list_goroutines(heap)
    inventory = replace(
        inventory,
        target=replace(
            inventory.target,
            host=look.host,
            started_at_seconds=look.started_at_seconds,
            build_id=program.build_id,
        ),
        snapshot=replace(inventory.snapshot, taken_at_unix_ns=look.taken_at_unix_ns),
        goroutines=goroutines,
        stack_bytes=stack_bytes,
    )
    return heap, inventory, program.names


def _look(
    target: Target, limits: Limits, exe: Path | None, progress: Progress | None
) -> tuple[_Look, _Program, GoHeap]:
    """Return what was read, and the heap in it; what ran while it was read, and makes no sense, is read again."""
    for tries_left in reversed(range(_LIVE_TRIES)):
        look = _read(target, limits, exe, progress)
        program = _read_program(look.memory, look.program) if look.program is not None else _Program()
        try:
            return look, program, _survey(look.memory, program.names)
        except HeapUnreadable:
            if look.memory.how is not SnapshotMode.LIVE or not tries_left:
                raise
    raise AssertionError("unreachable")


def _recheck(heap: GoHeap, limits: Limits) -> GoHeap:
    """Return ``heap`` with every map of it confirmed, or marked as not to be told."""
    again = ProcessAgain(heap.memory.pid or 0, limits.max_pause_ms)
    checked = recheck(heap, again)
    note = (
        f"it was read while it ran, and stood still {1 + again.stops} times for what changed meanwhile; what could not "
        "be confirmed is left out; what each map retains is not known of memory of no single moment"
    )
    pause_ns = max(heap.memory.pause_ns, again.longest_pause_ns)
    return replace(checked, memory=replace(heap.memory, pause_ns=pause_ns, notes=(*heap.memory.notes, note)))


def _survey(memory: Memory, names: GlobalNames | None) -> GoHeap:
    """Return the heap in ``memory``; where a heap that is not all there makes no sense, what is missing is said."""
    try:
        return with_declared_types(survey_heap(memory, names), names)
    except HeapUnreadable as error:
        if not memory.unread:
            raise
        raise HeapUnreadable("; ".join([str(error), *memory.remarks])) from error


@dataclass(frozen=True, slots=True)
class _Look:
    """What was read: memory, the program's file or what is in it, and of which process it is, as of when."""

    memory: Memory
    program: Path | bytes | None
    taken_at_unix_ns: int
    host: str | None = None
    started_at_seconds: float | None = None


def _read(target: Target, limits: Limits, exe: Path | None, progress: Progress | None) -> _Look:
    if target.kind is TargetKind.CORE:
        path = Path(target.text.removeprefix("core:"))
        core = read_core(path, open_regular, exe)
        # The kernel and gcore write a core in one go: it was last written to when it was taken, or soon after.
        return _Look(core.memory, core.program, path.stat().st_mtime_ns)
    if target.path is not None and holds_image(target.path):
        saved = load_image(target.path)
        index = saved.index
        return _Look(
            saved.memory, saved.program, index.taken_at_unix_ns, index.host, index.started_at_seconds
        )
    pid = process_id(target)
    if exe is not None:
        raise UsageError("--exe names the program of a core; a process says itself what it runs")
    _require_go(pid)
    started = started_at_seconds(pid)
    memory = read_process(pid, limits, progress=progress)
    now = memory.taken_at_unix_ns or time.time_ns()
    return _Look(memory, Path(f"/proc/{pid}/exe"), now, platform.node() or None, started)


def process_id(target: Target) -> int:
    """Return the number of the process that ``target`` names; TargetUnsupported where it names none."""
    if target.kind is TargetKind.FILE:
        raise NoImage(target.text)
    if target.kind is not TargetKind.PROCESS:
        raise TargetUnsupported(
            target.text, "the inventory needs a process on this machine (pid:N) or a core (core:PATH)"
        )
    return int(target.text.removeprefix("pid:"))


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


@dataclass(frozen=True, slots=True)
class _Program:
    """What the program's file tells; ``blanks`` are sentences on what it should have told."""

    names: GlobalNames | None = None
    build_id: str | None = None
    blanks: tuple[str, ...] = ()


def _read_program(memory: Memory, program: Path | bytes) -> _Program:
    try:
        data = program if isinstance(program, bytes) else _read_start(program)
    except OSError as error:
        return _Program(blanks=(f"the program's file: {error.strerror or error}",))
    if len(data) > _MOST_PROGRAM_BYTES:
        return _Program(blanks=(f"the program's file: larger than {_MOST_PROGRAM_BYTES:,} bytes",))
    try:
        return _Program(read_names(memory, data), _build_id(data))
    except FormatError as error:
        return _Program(None, _build_id(data), (f"the program's debug information: {error.why}",))


def _read_start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_PROGRAM_BYTES + 1)


def _build_id(program: bytes) -> str | None:
    try:
        return GoBinary(program).facts.go_build_id or None
    except FormatError:
        return None  # it is only used to tell two builds apart
