"""What a window of captures added to the heap, record by record: for drawing and export, not for judging."""

from __future__ import annotations

from collections.abc import Sequence

from mapmedic.diagnose.history import build_history
from mapmedic.diagnose.pictures import since_restart
from mapmedic.model.heap import HeapChange
from mapmedic.model.observation import Capture


def heap_change(captures: Sequence[Capture]) -> HeapChange | None:
    """Return how the heap changed over ``captures``; None where no GC lies between two of them.

    Only the time since the last restart of the target counts.
    """
    recent, _ = since_restart(captures)
    history = build_history(recent)
    if history is None or not history.moved:
        return None
    return HeapChange(history.heap, history.gained, float(history.at[-1]))
