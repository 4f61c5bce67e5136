"""What diagnose says: a verdict, its suspects, and the evidence each of them rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mapmedic.model.frames import ContainerKind


class Verdict(StrEnum):
    """The verdicts of the JSON contract ``mapmedic.diagnosis/1``."""

    MAP_LEAK = "map_leak"
    MAP_NEVER_SHRINKS = "map_never_shrinks"
    MAP_CHURN = "map_churn"
    LARGE_STEADY_MAP = "large_steady_map"
    GOROUTINE_LEAK = "goroutine_leak"
    SLICE_GROWTH = "slice_growth"
    GC_LAG = "gc_lag"
    IDLE_NOT_RETURNED = "idle_not_returned"
    OFF_HEAP = "off_heap"
    HEALTHY = "healthy"
    UNDETERMINED = "undetermined"

    @property
    def is_finding(self) -> bool:
        """Tell whether the verdict is a problem (exit code 1) rather than a state (exit code 0)."""
        return self not in (Verdict.LARGE_STEADY_MAP, Verdict.HEALTHY, Verdict.UNDETERMINED)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured claim. ``unit`` names what ``measured`` and ``threshold`` are in ("" for words)."""

    claim: str
    measured: float | int | str
    threshold: float | int | str | None
    source: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the confidence is what it is; ``weight`` in -1..1, negative for a doubt."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the program's source."""

    function: str
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do about a suspect: now (``strategy``, ``command``) and for good (``patch_hint``)."""

    strategy: str
    command: str | None
    patch_hint: str


@dataclass(frozen=True, slots=True)
class Removal:
    """A statement that takes something out of a container: ``what`` is delete, clear or re-make."""

    what: str
    file: str
    line: int
    statement: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """One thing that may be eating memory.

    ``stack`` is the busiest insertion stack, root first. ``removals`` are all statements of its package that
    take something out of it, None where no source was read.
    """

    code: Verdict
    confidence: float
    reasons: tuple[Reason, ...]
    bytes: int
    site: Site | None = None
    kind: ContainerKind | None = None
    owner: str | None = None
    declared: str | None = None
    label: str | None = None
    type: str | None = None
    entries: int | None = None
    growth_bytes_per_second: float | None = None
    growth_uncertainty: float | None = None
    evidence: tuple[Evidence, ...] = ()
    stack: tuple[str, ...] = ()
    fix: Fix | None = None
    removals: tuple[Removal, ...] | None = None


@dataclass(frozen=True, slots=True)
class Blank:
    """Something that was not captured or not read, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer: the worst verdict, how sure, why, and what is still unknown."""

    target: str
    verdict: Verdict
    confidence: float
    reasons: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    not_captured: tuple[Blank, ...]
    next_steps: tuple[str, ...] = ()
    go_version: str | None = None
    window_seconds: float = 0.0
    captures: int = 0


@dataclass(frozen=True, slots=True)
class SourceHint:
    """What the source says about an inserting statement.

    ``declared`` is the package-qualified type and field, or variable, of the container; ``statement`` the
    line as written; ``type`` the declared map type where it was found. ``removals`` are all that its package
    has, None where nobody looked; ``files_read`` says of how many files, ``unread`` which were left out.
    """

    declared: str
    statement: str
    type: str | None = None
    removals: tuple[Removal, ...] | None = None
    files_read: int = 0
    unread: tuple[Blank, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFlow:
    """Where the source says that an allocation ends up.

    ``site`` is the statement that puts it into a map (None: none was found, or several were), ``hint`` what
    that map is; ``types`` are the named types it becomes a part of; ``path`` the way, "function:line" each.
    """

    site: Site | None
    hint: SourceHint | None
    types: tuple[str, ...]
    path: tuple[str, ...]
