"""What a machine allows: one check, what was found, what it makes possible, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Whether a thing is there in full, in part or not at all."""

    OK = "ok"
    LIMITED = "limited"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class MachineCheck:
    """One fact about this machine; ``next`` is the step that would improve it, None where none is needed."""

    name: str
    status: Status
    found: str
    enables: str
    next: str | None = None
