"""What one report is about: a diagnosis and, where there was one, the fix and the traffic through it; or a fix."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.findings import Diagnosis
from mapmedic.model.heap import HeapChange
from mapmedic.model.observation import Observation
from mapmedic.model.remedy import Outcome, Proof
from mapmedic.model.units import UnixNanoseconds


@dataclass(frozen=True, slots=True)
class Requests:
    """Traffic that went on through a fix: counts, and latencies in milliseconds."""

    sent: int
    failed: int
    p50_before_ms: float | None = None
    p99_before_ms: float | None = None
    p50_during_ms: float | None = None
    p99_during_ms: float | None = None
    first_failure: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """What a demo built and fixed: ``has_agent`` tells whether there was one in it to ask."""

    go_version: str
    is_stripped: bool
    has_agent: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one page shows.

    ``change`` is what the heap gained while it was observed, ``after`` what was seen of the target after the fix;
    ``service`` is what a demo built.
    """

    title: str
    tool_version: str
    created_at: UnixNanoseconds
    diagnosis: Diagnosis
    observation: Observation
    outcome: Outcome | None = None
    after: Observation | None = None
    requests: Requests | None = None
    change: HeapChange | None = None
    service: Service | None = None


@dataclass(frozen=True, slots=True)
class FixReport:
    """Everything a page about a fix shows.

    A fix that was planned or made has an ``outcome``; two captures that were compared are ``before`` and ``after``.
    """

    title: str
    tool_version: str
    created_at: UnixNanoseconds
    target: str
    proof: Proof | None
    outcome: Outcome | None = None
    before: Observation | None = None
    after: Observation | None = None
