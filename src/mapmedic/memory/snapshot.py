"""Read a live process's memory: from a frozen copy, while it stands still, or while it runs.

Nothing of the target is changed that outlives the reading: ``docs/concepts/snapshots.md`` says why.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO

from mapmedic import _native
from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.process import exe_path, read_extents, read_facts
from mapmedic.memory.reader import Address, Extent, Memory, ThreadState
from mapmedic.model.inventory import SnapshotMode

_PAGE = 4096
_ZOMBIE = "the frozen copy could not be taken off the process's list of children; it goes with the process"
# ELF header: magic, class, byte order; machine.
_ELF_64_LITTLE, _X86_64 = b"\x7fELF\x02\x01", b"\x3e\x00"
# /proc/PID/status, Seccomp: a filter decides on each system call.
_SECCOMP_FILTER = 2
# Of what the disk has left, what an image may take: a full disk is somebody else's incident.
_DISK_SHARE = 0.8


def read_process(
    pid: int,
    how: SnapshotMode = SnapshotMode.FORK,
    *,
    max_pause_ms: float = 200.0,
    folder: Path | None = None,
) -> Memory:
    """Return the memory of process ``pid``, its image in a nameless file in ``folder``.

    ProcessUnreadable where it is not there, is not ours to trace, or cannot be stopped within ``max_pause_ms``;
    the process runs on untouched each time.
    """
    require_traceable(pid)
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile(dir=folder, prefix="mapmedic-image-"))
        try:
            return _read(pid, how, int(max_pause_ms * 1e6), file)
        except _native.WindowFailed as error:
            raise _why(pid, error, max_pause_ms) from error
        except OSError as error:
            where = folder or tempfile.gettempdir()
            raise ProcessUnreadable(
                pid, f"its memory cannot be copied to {where}: {error.strerror or error}"
            ) from error


def require_traceable(pid: int) -> None:
    """Raise ProcessUnreadable where process ``pid`` is gone, going, or in another tracer's hands."""
    facts = read_facts(pid)
    if facts.state in ("Z", "X"):
        raise ProcessUnreadable(pid, "it has ended; its parent has not taken note yet")
    if facts.tracer_pid:
        raise ProcessUnreadable(pid, f"process {facts.tracer_pid} traces it already")


def _read(pid: int, how: SnapshotMode, max_pause_ns: int, file: IO[bytes]) -> Memory:
    exe = exe_path(pid)
    _require_amd64(pid)
    extents = read_extents(pid)
    if how is SnapshotMode.LIVE:
        return _memory(pid, how, exe, extents, (), 0, _copy(pid, exe, extents, file), file)
    if how is SnapshotMode.FORK:
        _require_fork_allowed(pid)
        held = _native.fork_copy(pid, find_room(pid, exe, extents), max_pause_ns)
    else:
        held = _native.stop_process(pid, max_pause_ns)
    try:
        # Of the moment of the stop: what was mapped before may be gone, what was mapped since is here.
        extents = read_extents(held.pid)
        copied = _copy(held.pid, exe, extents, file)
    finally:
        pause_ns, is_clean = held.release()
    threads = tuple(
        ThreadState(id, Address(sp), Address(ip), tuple(rest)) for id, sp, ip, rest in held.threads()
    )
    memory = _memory(pid, how, exe, extents, threads, pause_ns, copied, file)
    return memory if is_clean else replace(memory, remarks=(_ZOMBIE,))


def _require_amd64(pid: int) -> None:
    """Raise ProcessUnreadable unless ``pid`` runs a 64-bit x86 program, on a machine where that can be stopped."""
    if not hasattr(_native, "fork_copy"):
        raise ProcessUnreadable(pid, "processes can be read on linux/amd64 only")
    try:
        with Path(f"/proc/{pid}/exe").open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise ProcessUnreadable(pid, f"its program cannot be read: {error.strerror or error}") from error
    if head[:6] != _ELF_64_LITTLE or head[18:20] != _X86_64:
        raise ProcessUnreadable(pid, "it runs no 64-bit x86 program")


def _require_fork_allowed(pid: int) -> None:
    """Raise ProcessUnreadable where a seccomp filter could end the process for a fork."""
    if read_facts(pid).seccomp == _SECCOMP_FILTER:
        raise ProcessUnreadable(
            pid, "a seccomp filter confines it, and could end it for the fork that a copy takes"
        )


Copied = tuple[list[tuple[int, int, int]], list[tuple[int, int]]]


def _memory(
    pid: int, how: SnapshotMode, exe: str, extents: tuple[Extent, ...], threads: tuple[ThreadState, ...],
    pause_ns: int, copied: Copied, file: IO[bytes],
) -> Memory:  # fmt: skip
    pieces, unread = copied
    return Memory(
        image=_native.Image([(file.fileno(), pieces)]),
        how=how,
        exe_path=exe,
        extents=extents,
        threads=threads,
        unread=tuple((Address(start), Address(end)) for start, end in unread),
        pause_ns=pause_ns,
        pid=pid,
    )


def _copy(pid: int, exe: str, extents: Sequence[Extent], file: IO[bytes]) -> Copied:
    wanted: list[tuple[int, int, bool]] = [
        (e.start, e.end, e.is_anonymous) for e in extents if _is_wanted(e, exe)
    ]
    disk = os.fstatvfs(file.fileno())
    most = int(disk.f_bavail * disk.f_frsize * _DISK_SHARE)
    return _native.copy_memory(pid, wanted, file.fileno(), most)


def _is_wanted(extent: Extent, exe: str) -> bool:
    """Tell whether Go's memory can lie there: the program's own mappings, and private memory that is written to."""
    if not extent.readable or extent.name in ("[vvar]", "[vdso]", "[vsyscall]", "[vvar_vclock]"):
        return False
    return extent.name == exe or (extent.writable and extent.private and not extent.name.startswith("/dev/"))


def find_room(pid: int, exe: str, extents: Sequence[Extent]) -> Address:
    """Return where STUB_BYTES zero bytes lie in an executable mapping of the program, in no section of it.

    They are looked for behind the last byte of the text, where the file was padded to a page, and in the first
    page, between the program's headers and its first section.
    """
    for extent in extents:
        if extent.executable and extent.name == exe:
            for page in (extent.end - _PAGE, extent.start):
                room = _zeros_in(pid, page)
                if room is not None:
                    return room
    why = f"no free place for {_native.STUB_BYTES} bytes of code; read it with --snapshot freeze"
    raise ProcessUnreadable(pid, why)


def _zeros_in(pid: int, page: int) -> Address | None:
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(page)
            bytes_ = memory.read(_PAGE)
    except OSError:
        return None
    # 16 more than needed, so that the start can be rounded up.
    at = bytes_.rfind(bytes(_native.STUB_BYTES + 16))
    return None if at < 0 else Address(page + (at + 15) // 16 * 16)


def _why(pid: int, error: _native.WindowFailed, max_pause_ms: float) -> ProcessUnreadable:
    kind, number, doing = error.args
    words = {
        "gone": "it ended while it was looked at",
        "not_permitted": "the kernel does not let us trace it",
        "too_slow": f"it could not be read within a pause of {max_pause_ms:g} ms",
        "no_room": "the place meant for a few bytes of code is not free",
        "other_machine": "it runs no 64-bit x86 code",
        "call_refused": f"it may not fork (errno {number})",
    }
    return ProcessUnreadable(pid, words.get(kind, f"{doing or kind} failed (errno {number})"))
