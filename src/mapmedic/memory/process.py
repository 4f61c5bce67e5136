"""What /proc says of a process on this machine."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path

from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.reader import Address, Extent

# 7f3fe26f7000-7f3fe2703000 r--p 00000000 fe:00 10112324    /lib/x86_64-linux-gnu/libc.so.6
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) [0-9a-f]+ \S+ ([0-9]+)\s*(.*)")
_MOST_MAPS_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What matters before a process is stopped: whether it lives, who traces it, how it is confined."""

    state: str
    tracer_pid: int
    seccomp: int


def read_facts(pid: int) -> ProcessFacts:
    """Return the facts of process ``pid``; ProcessUnreadable where there is none or it may not be read."""
    fields = dict(line.split(":", 1) for line in _read(pid, "status").splitlines() if ":" in line)
    first = {name: words.split()[0] for name, words in fields.items() if words.split()}
    return ProcessFacts(first.get("State", ""), int(first.get("TracerPid", 0)), int(first.get("Seccomp", 0)))


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
        return ProcessUnreadable(pid, "there is no such process here")
    return ProcessUnreadable(pid, f"/proc/{pid} cannot be read: {error.strerror or error}")
