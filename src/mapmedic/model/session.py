"""What a saved session is made of: raw bytes with their origin, before anybody interprets them."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.findings import Blank
from mapmedic.model.units import UnixNanoseconds


@dataclass(frozen=True, slots=True)
class Artifact:
    """Raw bytes as they came, and where they came from.

    ``kind`` is what they should hold ("heap_text", "metrics", …); ``visit`` counts the captures of the
    session from 0; ``attempts`` is how often was asked until they came.
    """

    kind: str
    visit: int
    taken_at: UnixNanoseconds
    source: str
    data: bytes
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Session:
    """Everything captured from one target, in the order it came.

    ``complete`` is false where the capture was cut short; what had arrived is still here.
    """

    target: str
    tool_version: str
    artifacts: tuple[Artifact, ...]
    not_captured: tuple[Blank, ...]
    complete: bool
