"""What the inventories of a process tell: each owner's maps, counted, at the first and the last look.

A count has no sampling error. Two counts do not tell a leak from a cache that is still filling, or from the tide of
a busy one: how much of itself an owner gained says how likely that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapmedic.diagnose.inventory_change import compare_inventories, is_one_process
from mapmedic.model.findings import Evidence
from mapmedic.model.frames import ContainerKind
from mapmedic.model.inventory import Account, Inventory
from mapmedic.model.inventory_change import NOTHING, InventoryChange, OwnerChange
from mapmedic.model.observation import Capture

SOURCE = "inventory of the process"
# One instance that brings this part of what all of a declaration gained is the one to name.
_ALONE = 0.8
# Entries of usual size must make up this part of the growth; else it is the values that grow.
_BY_ENTRIES = 0.3
_CONTAINERS = frozenset(ContainerKind)


@dataclass(frozen=True, slots=True)
class Exact:
    """How the owners of all maps and of what else is large (``holders``) changed; ``seconds`` None: one look only."""

    change: InventoryChange
    owners: tuple[OwnerChange, ...]
    seconds: float | None
    holders: tuple[OwnerChange, ...] = ()

    @property
    def inventory(self) -> Inventory:
        """Return the last inventory."""
        return self.change.after

    @property
    def accounts(self) -> tuple[Account, Account] | None:
        """Return where the RAM was at the first and the last look; None where nobody says."""
        before, after = self.change.before.account, self.change.after.account
        return (before, after) if before is not None and after is not None else None

    @property
    def heap_bytes(self) -> int:
        """Return the live heap at the last look."""
        return self.change.after.snapshot.heap_bytes


def build_exact(captures: Sequence[Capture]) -> Exact | None:
    """Return what the inventories in ``captures``, oldest first, tell of the last process; None without any."""
    taken = [capture.inventory for capture in captures if capture.inventory is not None]
    if not taken:
        return None
    first = next(each for each in taken if each is taken[-1] or is_one_process(each.target, taken[-1].target))
    together = compare_inventories(first, taken[-1], by_declared=True)
    single = compare_inventories(first, taken[-1])
    owners = tuple(_most_telling(row, single.rows) for row in together.rows)
    return Exact(together, owners, together.seconds if first is not taken[-1] else None, single.holders)


def _most_telling(row: OwnerChange, single: Sequence[OwnerChange]) -> OwnerChange:
    """Return the one instance of ``row``'s declaration that gained nearly all, or is all; else ``row``."""
    if (row.after or row.before or NOTHING).instances == 1 or row.declared is None:
        return row
    same = [each for each in single if (each.declared, each.type) == (row.declared, row.type)]
    best = max(same, key=lambda each: each.bytes)
    return best if row.bytes > 0 and best.bytes >= _ALONE * row.bytes else row


def kind_of(row: OwnerChange) -> ContainerKind | None:
    """Return which built-in container that can grow ``row`` is; None for what is none."""
    return ContainerKind(row.kind) if row.kind in _CONTAINERS else None


def grows_by_entries(row: OwnerChange) -> bool:
    """Tell whether what ``row`` gained is about what the entries that it gained take."""
    before, after = row.before or NOTHING, row.after or NOTHING
    usual = before if before.entries else after
    return row.entries > 0 and row.entries * usual.bytes / max(1, usual.entries) >= _BY_ENTRIES * row.bytes


def may_be_another(exact: Exact, row: OwnerChange) -> bool:
    """Tell whether the map of ``row`` may have been made since the first look, in the place of one that it replaced."""
    if row.before is not None:
        return row.is_rebuilt
    return any(each.after is None and each.type == row.type for each in exact.owners)


def share_gained(row: OwnerChange) -> float:
    """Return what ``row`` gained against what it had."""
    return row.bytes / max(1, (row.before or NOTHING).bytes)


def figures_as_evidence(row: OwnerChange) -> tuple[Evidence, ...]:
    """Return what ``row`` has now, measured against no bar."""
    now = row.after or NOTHING
    kind = "map" if row.kind == "sync.Map" else row.kind
    found = []
    if kind_of(row) is not None or now.entries:
        found.append(Evidence(f"entries of {row.owner}", now.entries, None, SOURCE, "entries"))
    if now.capacity:
        found.append(Evidence("room for entries (capacity)", now.capacity, None, SOURCE, "entries"))
        found.append(Evidence("part of that room in use", now.entries / now.capacity, None, SOURCE, "share"))
    found.append(Evidence(f"memory of the {kind} itself", now.shallow_bytes, None, SOURCE, "bytes"))
    if now.dead_bytes is not None:
        found.append(Evidence("of that, dead", now.dead_bytes, None, SOURCE, "bytes"))
    if now.retained_bytes is not None:
        found.append(
            Evidence("with what only it holds (retained)", now.retained_bytes, None, SOURCE, "bytes")
        )
    if now.instances > 1:
        found.append(Evidence(f"{kind}s of that declaration", now.instances, None, SOURCE, f"{kind}s"))
    return tuple(found)
