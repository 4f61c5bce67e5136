"""/proc/PID/status of Linux (proc_pid_status(5)): the resident memory that it tells."""

from __future__ import annotations

import re

from mapmedic.errors import FormatError

_RESIDENT = re.compile(rb"^VmRSS:\s*(\d{1,15}) kB$", re.MULTILINE)


def parse_resident_bytes(data: bytes) -> int:
    """Return VmRSS in bytes; FormatError where there is none (a process that has ended has no memory)."""
    match = _RESIDENT.search(data)
    if match is None:
        raise FormatError("/proc/PID/status", "no line says VmRSS")
    return int(match.group(1)) * 1024
