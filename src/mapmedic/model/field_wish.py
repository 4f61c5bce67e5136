"""Which map fields of a struct are meant, and on which condition."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.model.evict_condition import EvictCondition


@dataclass(frozen=True, slots=True)
class FieldWish:
    """The map in field ``name``, where it has more than ``more_than`` entries; None: however many."""

    name: str
    more_than: int | None = None

    def holds(self, entries: int) -> bool:
        """Tell whether a map of so many ``entries`` is meant."""
        return self.more_than is None or entries > self.more_than

    @property
    def text(self) -> str:
        """Return it in the words of the command line."""
        return self.name if self.more_than is None else f"{self.name}>{self.more_than}"


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One map field of a struct as it was seen: ``chosen``: it is changed; ``condition``: as it was asked for.

    ``where`` is asked of its entries, what was said for all fields first; ``matches`` of them fit, None where all go at
    once. ``why_left`` says why it is not chosen, "" where it was not meant.
    """

    name: str
    condition: str
    chosen: bool
    owner: str
    type: str | None
    address: int
    entries: int
    held_bytes: int
    where: tuple[EvictCondition, ...] = ()
    matches: int | None = None
    why_left: str = ""


@dataclass(frozen=True, slots=True)
class FieldCount:
    """Of ``meant`` entries of the map in field ``name`` ``left`` were in it after the fix; None: nobody counted."""

    name: str
    meant: int
    left: int | None
