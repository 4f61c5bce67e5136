"""What a saved session is made of: raw bytes with their origin, before anybody interprets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
class LargeArtifact:
    """Bytes too many to be held, on their way into a session: ``chunks`` gives them, each time from the start."""

    kind: str
    visit: int
    taken_at: UnixNanoseconds
    source: str
    size: int
    sha256: str
    chunks: Callable[[], Iterator[bytes]]


# Puts what came into the session, before anything else is asked for.
Keep = Callable[[Artifact | LargeArtifact], None]


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """Bytes that were left where they are, in the session's file from ``offset`` on.

    They were not read, and so not held against ``sha256`` either.
    """

    kind: str
    visit: int
    taken_at: UnixNanoseconds
    source: str
    bytes: int
    sha256: str
    offset: int


@dataclass(frozen=True, slots=True)
class Session:
    """Everything captured from one target, in the order it came; ``stored`` is what is too large to be held.

    ``complete`` is false where the capture was cut short; what had arrived is still here.
    """

    target: str
    tool_version: str
    artifacts: tuple[Artifact, ...]
    not_captured: tuple[Blank, ...]
    complete: bool
    stored: tuple[StoredBytes, ...] = ()
