"""How a Go program was built, from the note that every Go binary carries in its data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mapmedic.errors import TargetUnsupported
from mapmedic.memory.reader import Memory

# src/debug/buildinfo/buildinfo.go: 14 bytes of magic, the pointer size, flags; from 32 on two strings, each
# with its length before it.
BUILD_MAGIC = b"\xff Go buildinf:"
_INLINE_STRINGS = 2
_MOST_VERSION_BYTES = 256
_VERSION = re.compile(r"(?:devel )?go1\.(\d{1,3})(?:[.\w-]*)")


@dataclass(frozen=True, slots=True)
class GoBuild:
    """The version as the toolchain prints it, its minor number, and the experiments that were set or unset."""

    version: str
    minor: int
    experiments: frozenset[str] = frozenset()

    def has(self, experiment: str, *, since: int) -> bool:
        """Tell whether ``experiment`` is on: by default from Go 1.``since``, else as the build says."""
        if f"no{experiment}" in self.experiments:
            return False
        return experiment in self.experiments or self.minor >= since


def read_build(memory: Memory) -> GoBuild:
    """Return how the program in ``memory`` was built; TargetUnsupported where it is no Go program."""
    start, end = memory.program
    for at in memory.find(BUILD_MAGIC, start, end, align=16):
        head = memory.read(at, 34 + _MOST_VERSION_BYTES)
        if head is None or head[14] != 8 or not head[15] & _INLINE_STRINGS:
            continue
        length = head[32]
        if 0 < length < 128:
            return parse_version(head[33 : 33 + length].decode("utf-8", "replace"))
    why = "it carries no Go build information: not a Go program, or one of Go before 1.18"
    raise TargetUnsupported(memory.exe_path or "the program", why)


def parse_version(text: str) -> GoBuild:
    """Return what a version says, such as ``go1.26.6 X:nogreenteagc``; TargetUnsupported where nothing."""
    match = _VERSION.match(text)
    if match is None:
        raise TargetUnsupported(text, "not a version of Go")
    experiments = re.search(r"X:([\w,]+)", text)
    return GoBuild(
        text, int(match.group(1)), frozenset(experiments.group(1).split(",") if experiments else ())
    )
