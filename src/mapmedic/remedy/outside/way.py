"""What plugs into an act from outside: a watch, which judges a moment, a way to act, and what finds a moment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from mapmedic.goheap.stack_watch import Standing
from mapmedic.memory.reader import ReadPlaces
from mapmedic.memory.stop import Stop
from mapmedic.model.change import Change
from mapmedic.model.map_lock import MapLock
from mapmedic.model.safe_moment import Moment, Safe, Unsafe


@dataclass(frozen=True, slots=True)
class Act:
    """What a way makes of one safe moment: ``changes`` in their order, by which ``entries`` go.

    ``evidence``: sentences on what was looked at beside what made the moment safe.
    ``is_last``: nothing is left to do after it; otherwise another stop follows, at a moment that is safe again.
    ``left``: how many entries were to go and stay, by the reason.
    ``was``: (address, bytes) of what goes, where ``changes`` do not write over all of it.
    """

    changes: tuple[Change, ...]
    entries: int
    evidence: tuple[str, ...] = ()
    is_last: bool = True
    left: tuple[tuple[str, int], ...] = ()
    was: tuple[tuple[int, bytes], ...] = ()


class Watch(Protocol):
    """What there is to ask of what is to be changed, at ``address``; prepared while the process ran."""

    @property
    def address(self) -> int:
        """Return where it lies."""

    @property
    def locks(self) -> tuple[MapLock, ...]:
        """Return the locks that have to be free, none where it guards itself."""

    def glance(self, read: ReadPlaces) -> Unsafe | None:
        """Return what forbids a change and can be seen while the process runs; None where a stop is worth it."""

    def judge(self, standing: Standing) -> Moment:
        """Return whether it may be changed now."""

    def count(self, read: ReadPlaces) -> int | None:
        """Return how many entries it has, None where that cannot be told by a look at a few words."""


class Way(Protocol):
    """How something is changed; prepared while the process ran, asked in the stop in which it is written."""

    @property
    def is_one_write(self) -> bool:
        """Tell whether all that is changed in one stop is whole after each change.

        Where it is not, a guardian holds the process, so that nothing is left half done if we die meanwhile.
        """

    def changes(self, standing: Standing, moment: Safe) -> Act | Unsafe:
        """Return what is to be written at this safe ``moment``; it writes nothing itself."""

    def done(self, act: Act) -> None:
        """Take note that ``act``, the last that it returned, was made: what comes next is the rest."""


class Finder(Protocol):
    """What finds a moment that is worth judging, once each time it is asked."""

    def moment(self) -> AbstractContextManager[Stop | Unsafe]:
        """Hold the process still while the context lasts; Unsafe, with all of it running, where it was not worth it."""


# Called in the stop, right before what Act has is written: makes sure that it can be told later what lay there.
# Unsafe where it could not; nothing is written then.
Save = Callable[[Stop, Safe, Act], Unsafe | None]
