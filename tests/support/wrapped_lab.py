"""A lab that is started by another command: in a namespace, under a filter, as another user."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mapmedic.demo.service import LabService, Scenario


class WrappedLab(LabService):
    """``pid`` is what the lab says of itself; ``outer_pid`` is its number here."""

    def __init__(self, binary: Path, scenario: Scenario, wrapper: Sequence[str]) -> None:
        super().__init__(binary, scenario)
        self._arguments = [*wrapper, *self._arguments]

    @property
    def outer_pid(self) -> int:
        """Return the lab's number here: the wrapper's, or its child's where it forked."""
        started = self._process.pid
        children = Path(f"/proc/{started}/task/{started}/children").read_text().split()
        return int(children[0]) if children else started
