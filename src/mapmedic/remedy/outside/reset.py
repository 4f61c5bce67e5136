"""Empty a map, as its design wants it."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.goheap.header_reset import plan_reset
from mapmedic.goheap.safe_moment import MapWatch
from mapmedic.goheap.stack_watch import Standing
from mapmedic.goheap.sync_moment import SyncMapWatch
from mapmedic.goheap.sync_reset import plan_sync_reset
from mapmedic.model.safe_moment import Safe, Unsafe
from mapmedic.remedy.outside.way import Act


@dataclass(frozen=True, slots=True)
class HeaderReset:
    """The header becomes that of an empty map; what it led to is left to the collector.

    That is one write where the header lies on one page.
    """

    watch: MapWatch

    @property
    def is_one_write(self) -> bool:
        """Tell whether one write within one page is all of it."""
        return not self.watch.shape.lies_on_two_pages(self.watch.address)

    def done(self, act: Act) -> None:
        """Take note of nothing: it is all there is to do."""

    def changes(self, _standing: Standing, moment: Safe) -> Act | Unsafe:
        """Return the one change, none for a map that is empty and has no table."""
        changes = plan_reset(self.watch.shape, self.watch.address, moment.header)
        if isinstance(changes, Unsafe):
            return changes
        if not changes:
            return Act((), 0, ("it is empty and has no table: there was nothing to write",))
        return Act(changes, self.watch.shape.entries(moment.header))


@dataclass(frozen=True, slots=True)
class SyncReset:
    """What Clear does, without allocating; the entries are left to the collector."""

    watch: SyncMapWatch
    # It may take several, but it is whole after each.
    is_one_write = True

    def done(self, act: Act) -> None:
        """Take note of nothing: it is all there is to do."""

    def changes(self, standing: Standing, moment: Safe) -> Act | Unsafe:
        """Return the changes, none for one that is empty; ``entries`` are those that were counted while it ran."""
        changes = plan_sync_reset(standing.read, self.watch.shape, self.watch.address, moment.header)
        if isinstance(changes, Unsafe):
            return changes
        if not changes:
            return Act((), 0, ("it is empty: there was nothing to write",))
        said = "how many entries went is what was counted before: a sync.Map has no count of its own"
        return Act(changes, self.watch.entries, (said,))
