"""Two inventories to compare: kept ones, or taken now; of one process alone, twice."""

from __future__ import annotations

import time
from collections.abc import Callable

from mapmedic.capture.inventory import capture_inventory
from mapmedic.capture.stored import stored_inventories
from mapmedic.capture.targets import TargetKind, parse_target
from mapmedic.errors import UsageError
from mapmedic.model.inventory import Inventory, Limits

Progress = Callable[[str, float], None]
_STEP_SECONDS = 0.5


def two_looks(
    before: str, after: str | None, seconds: float, limits: Limits | None, progress: Progress | None
) -> tuple[Inventory, Inventory] | None:
    """Return the inventories of ``before`` and ``after``; None where neither is one.

    Without ``after`` a process is looked into twice, ``seconds`` apart; of a session the first and the last are
    taken. UsageError where only one of them has an inventory.
    """
    first = _inventories(before, limits, progress)
    if after is None:
        return _first_and_last(before, first, seconds, limits, progress)
    last = _inventories(after, limits, progress)
    if not first and not last:
        return None
    if not first or not last:
        without, other = (before, after) if not first else (after, before)
        raise UsageError(
            f"{without} holds no inventory of a process, and {other} does: they cannot be compared"
        )
    return first[-1], last[-1]


def _first_and_last(
    target: str,
    first: tuple[Inventory, ...],
    seconds: float,
    limits: Limits | None,
    progress: Progress | None,
) -> tuple[Inventory, Inventory]:
    if parse_target(target).kind is TargetKind.PROCESS:
        _wait(seconds, progress)
        return first[-1], _inventories(target, limits, progress)[-1]
    if len(first) < 2:
        what = "one inventory" if first else "no inventory of a process"
        raise UsageError(f"{target} holds {what}: name two to compare, as in mapmedic diff BEFORE AFTER")
    return first[0], first[-1]


def _inventories(target: str, limits: Limits | None, progress: Progress | None) -> tuple[Inventory, ...]:
    parsed = parse_target(target)
    if parsed.path is not None:
        return stored_inventories(parsed.path)
    return (capture_inventory(parsed, limits or Limits(), progress=progress),)


def _wait(seconds: float, progress: Progress | None) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if progress:
            progress("waiting for the second look", 1 - left / seconds)
        time.sleep(min(_STEP_SECONDS, left))
