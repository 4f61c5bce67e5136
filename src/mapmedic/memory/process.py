"""What /proc says of a process on this machine."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.reader import Address, Extent

# 7f3fe26f7000-7f3fe2703000 r--p 00000000 fe:00 10112324    /lib/x86_64-linux-gnu/libc.so.6
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) [0-9a-f]+ \S+ ([0-9]+)\s*(.*)")
_MOST_MAPS_BYTES = 64 << 20
# One line: 52 numbers and a name of 64 bytes at most.
_MOST_STAT_BYTES = 4096
# Documentation/filesystems/proc.rst, Seccomp: a filter decides on each system call.
_SECCOMP_FILTER = 2


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What matters before a process is stopped: whether it lives, whose it is, how it is confined, how large it is.

    ``ids`` are its process ids, ours first, the one that it knows itself by last. ``anonymous_bytes`` is what a fork
    has to share, ``table_bytes`` what it has to copy.
    """

    name: str
    state: str
    ids: tuple[int, ...]
    tracer_pid: int
    user: int
    has_memory: bool
    seccomp: int
    resident_bytes: int
    anonymous_bytes: int
    table_bytes: int
    no_new_privileges: bool = False

    @property
    def is_confined(self) -> bool:
        """Tell whether a seccomp filter decides on its system calls."""
        return self.seccomp == _SECCOMP_FILTER

    @property
    def is_stopped(self) -> bool:
        """Tell whether job control has stopped it (SIGSTOP, Ctrl-Z)."""
        return self.state == "T"


def read_facts(pid: int) -> ProcessFacts:
    """Return the facts of process ``pid``; ProcessUnreadable where there is none or it may not be read."""
    fields = dict(line.split(":", 1) for line in _read(pid, "status").splitlines() if ":" in line)
    words = {name: text.split() for name, text in fields.items()}

    def number(name: str) -> int:
        return int(words[name][0]) if words.get(name) else 0

    return ProcessFacts(
        name=fields.get("Name", "").strip(),
        state=(words.get("State") or [""])[0],
        ids=tuple(int(each) for each in words.get("NSpid", [str(pid)])),
        tracer_pid=number("TracerPid"),
        user=number("Uid"),
        has_memory="VmSize" in fields,
        seccomp=number("Seccomp"),
        resident_bytes=number("VmRSS") * 1024,
        anonymous_bytes=number("RssAnon") * 1024,
        table_bytes=number("VmPTE") * 1024,
        no_new_privileges=bool(number("NoNewPrivs")),
    )


def thread_ids_inside(pid: int, threads: Iterable[int]) -> dict[int, int]:
    """Return what ``threads`` of process ``pid`` are called in its own PID namespace, as its memory knows them.

    Empty where that is also ours; those that have ended are left out.
    """
    if len(_ids(pid, "status")) < 2:
        return {}
    found = {thread: _ids(pid, f"task/{thread}/status") for thread in threads}
    return {thread: ids[-1] for thread, ids in found.items() if ids}


def tracer_of_a_thread(pid: int) -> int:
    """Return who traces a thread of process ``pid``, 0 where nobody traces any."""
    for entry in Path(f"/proc/{pid}/task").glob("*"):
        try:
            lines = _read(pid, f"task/{entry.name}/status").splitlines()
        except ProcessUnreadable:
            continue  # it has ended since
        tracer = next((line for line in lines if line.startswith("TracerPid:")), "0").split()[-1]
        if tracer != "0":
            return int(tracer)
    return 0


def _ids(pid: int, name: str) -> list[int]:
    """Return the ids of a process or a thread, ours first, the one that it knows itself by last; none once it ended."""
    try:
        lines = _read(pid, name).splitlines()
    except ProcessUnreadable:
        return []
    return [int(each) for each in next((line for line in lines if line.startswith("NSpid:")), "").split()[1:]]


def known_elsewhere_as(pid: int) -> tuple[int, ...]:
    """Return the processes here that call themselves ``pid`` in a PID namespace of their own."""
    found = []
    for each in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        try:
            ids = read_facts(each).ids
        except ProcessUnreadable:
            continue  # it has ended since
        if len(ids) > 1 and ids[-1] == pid:
            found.append(each)
    return tuple(sorted(found))


def read_extents(pid: int) -> tuple[Extent, ...]:
    """Return the mappings of process ``pid`` in order of address."""
    extents = []
    for line in _read(pid, "maps").splitlines():
        match = _MAPPING.fullmatch(line)
        if match is None:
            raise ProcessUnreadable(pid, f"/proc/{pid}/maps has a line that is no mapping: {line[:120]!r}")
        start, end, flags, inode, name = match.groups()
        extents.append(
            Extent(
                start=Address(int(start, 16)),
                end=Address(int(end, 16)),
                name=name,
                readable=flags[0] == "r",
                writable=flags[1] == "w",
                executable=flags[2] == "x",
                private=flags[3] == "p",
                inode=int(inode),
            )
        )
    return tuple(extents)


def started_ticks(pid: int) -> int:
    """Return when process ``pid`` began, in clock ticks since boot: with its number, this names it (proc_stat(5))."""
    try:
        # One read, and no file object: it is asked while the process stands still.
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            raw = os.read(descriptor, _MOST_STAT_BYTES)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _why(pid, error) from error
    # The name of the program, in brackets, may hold anything.
    return int(raw.rpartition(b")")[2].split()[19])


def started_at_seconds(pid: int) -> float:
    """Return when process ``pid`` began, in Unix time; good to the kernel's own whole seconds."""
    ticks = started_ticks(pid)
    with Path("/proc/stat").open("rb") as file:
        boot = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
    return boot + ticks / os.sysconf("SC_CLK_TCK")


def exe_path(pid: int) -> str:
    """Return the program's path as its mappings name it (" (deleted)" included)."""
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError as error:
        raise _why(pid, error) from error


def _read(pid: int, name: str) -> str:
    try:
        with Path(f"/proc/{pid}/{name}").open("rb") as file:
            raw = file.read(_MOST_MAPS_BYTES + 1)
    except OSError as error:
        raise _why(pid, error) from error
    if len(raw) > _MOST_MAPS_BYTES:
        raise ProcessUnreadable(pid, f"/proc/{pid}/{name} is longer than {_MOST_MAPS_BYTES:,} bytes")
    return raw.decode("utf-8", "replace")


def _why(pid: int, error: OSError) -> ProcessUnreadable:
    if error.errno in (errno.ENOENT, errno.ESRCH):
        return ProcessUnreadable(pid, "there is no such process here", "gone")
    if error.errno in (errno.EACCES, errno.EPERM):
        return ProcessUnreadable(pid, f"/proc/{pid} may not be read", "not_permitted")
    return ProcessUnreadable(pid, f"/proc/{pid} cannot be read: {error.strerror or error}")
