"""The source of the program under examination, with the two questions that a diagnosis asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mapmedic.model.findings import Site, SourceFlow, SourceHint
from mapmedic.source.flow import follow
from mapmedic.source.insertion import SourceReader


class ProgramSource:
    """Answers from the Go files below ``root``; without one it knows nothing."""

    def __init__(self, root: Path | None = None) -> None:
        self._reader = SourceReader(root)

    def locate(self, site: Site) -> SourceHint | None:
        """Return which container the statement at ``site`` fills, None where that is not clear."""
        return self._reader.locate(site)

    def follow(self, stack: Sequence[Site]) -> SourceFlow | None:
        """Return where what ``stack`` allocates ends up, None where the source does not have it."""
        return follow(self._reader, stack)
