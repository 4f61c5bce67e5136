"""What a machine, or one process on it, allows: what was found, what it makes possible, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mapmedic.model.inventory import SnapshotMode


class Status(StrEnum):
    """Whether a thing is there in full, in part or not at all."""

    OK = "ok"
    LIMITED = "limited"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class MachineCheck:
    """One fact of a machine or a process; ``next`` is the step that would improve it, None where none is needed."""

    name: str
    status: Status
    found: str
    enables: str
    next: str | None = None


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """What a process runs. None is what its file does not say; ``stripped``: it has no names of variables."""

    go_version: str | None
    experiments: tuple[str, ...] = ()
    stripped: bool | None = None
    build_id: str | None = None
    has_agent: bool = False
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class WayFacts:
    """How a process would be read, why so, and what each way is thought to cost. ``free_bytes`` None: nobody says."""

    mode: SnapshotMode
    notes: tuple[str, ...]
    fork_ms: float
    freeze_ms: float
    fork_bytes: int
    free_bytes: int | None


@dataclass(frozen=True, slots=True)
class CommandCheck:
    """One command on a process: whether it will work, or why not; ``next`` is what to type, now or first."""

    command: str
    works: bool
    why: str
    next: str


@dataclass(frozen=True, slots=True)
class ProcessExam:
    """What one process allows; nothing was done to it. ``way`` is None where it cannot be read."""

    pid: int
    name: str
    program: ProgramFacts
    checks: tuple[MachineCheck, ...]
    way: WayFacts | None
    commands: tuple[CommandCheck, ...]

    @property
    def can_look(self) -> bool:
        """Tell whether its memory can be read."""
        return self.way is not None
