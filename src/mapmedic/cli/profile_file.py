"""The profiles that `flame --pprof`, `diagnose --pprof` and `heap --pprof` write."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mapmedic.cli.output import say, write_bytes
from mapmedic.errors import CouldNotLook

if TYPE_CHECKING:
    from mapmedic.model.heap import HeapChange
    from mapmedic.model.inventory import Inventory
    from mapmedic.model.observation import Observation


def write_profile(path: Path, observation: Observation, change: HeapChange | None, *, force: bool) -> None:
    """Write the last heap of ``observation``, and its growth where there is a ``change``, for `go tool pprof`.

    CouldNotLook where no heap profile was captured.
    """
    import mapmedic  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.pprof_export import ProfileOrigin, pprof_bytes  # noqa: PLC0415
    from mapmedic.report.view import last_heap  # noqa: PLC0415

    heap = last_heap(observation, change)
    if heap is None:
        raise CouldNotLook(f"{observation.target} holds no heap profile")
    origin = ProfileOrigin(observation.target, observation.captures[-1].at, mapmedic.__version__)
    write_bytes(path, pprof_bytes(heap, origin, change), force=force)
    growth = "-sample_index=growth_space " if change else ""
    say(f"profile: {path}   (go tool pprof -top -cum {growth}{shlex.quote(str(path))})")


def write_inventory_profile(path: Path, inventory: Inventory, *, force: bool) -> None:
    """Write who holds the live heap, for `go tool pprof`: owners as stacks."""
    import mapmedic  # noqa: PLC0415 - imported late so that --help stays quick
    from mapmedic.report.inventory_profile import inventory_profile  # noqa: PLC0415

    write_bytes(path, inventory_profile(inventory, mapmedic.__version__), force=force)
    say(f"profile: {path}   (go tool pprof -top -cum {shlex.quote(str(path))})")
