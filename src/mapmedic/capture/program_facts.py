"""What the program of a process says of itself in its file: that it is of Go, which one, how it was built."""

from __future__ import annotations

from dataclasses import replace
from mmap import ACCESS_READ, mmap
from pathlib import Path

from mapmedic.errors import FormatError, TargetUnsupported
from mapmedic.formats.go_binary import GoBinary
from mapmedic.goheap.build import parse_version
from mapmedic.goheap.names import is_stripped
from mapmedic.model.machine import ProgramFacts

_AGENT = "github.com/mapmedic/mapmedic/agent"
_NOTHING = ProgramFacts(None)


def read_program_facts(pid: int) -> ProgramFacts:
    """Return what the file of process ``pid`` says; nothing but None where it cannot be read, or is not of Go."""
    try:
        with (
            Path(f"/proc/{pid}/exe").open("rb") as file,
            mmap(file.fileno(), 0, access=ACCESS_READ) as data,
        ):
            return _facts(data)
    except (OSError, ValueError):
        return replace(_NOTHING, is_readable=False)


def _facts(data: mmap) -> ProgramFacts:
    try:
        binary = GoBinary(data)
        build = binary.build_info()
        experiments = tuple(sorted(parse_version(build.go_version).experiments))
        stripped = is_stripped(bytes(data))
    except (FormatError, TargetUnsupported):
        return _NOTHING
    has_agent = any(each.path == _AGENT for each in build.dependencies)
    return ProgramFacts(build.go_version, experiments, stripped, binary.facts.go_build_id or None, has_agent)
