"""Whether a map may be changed from outside at a moment: a value either way, with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Hindrance(StrEnum):
    """What keeps a map from being changed at a moment; all but the last five may be gone at the next."""

    COLLECTING = "collecting"
    LOCKED = "locked"
    BEING_WRITTEN = "being_written"
    IN_MAP_OPERATION = "in_map_operation"
    ITERATOR = "iterator"
    STACK_UNKNOWN = "stack_unknown"
    TOO_SLOW = "too_slow"
    MOVED = "moved"
    NOT_A_MAP = "not_a_map"
    ON_TWO_PAGES = "on_two_pages"
    NOT_SAVED = "not_saved"
    BROKEN_OFF = "broken_off"

    @property
    def may_pass(self) -> bool:
        """Tell whether waiting may help."""
        return self not in (
            Hindrance.MOVED, Hindrance.NOT_A_MAP, Hindrance.ON_TWO_PAGES, Hindrance.NOT_SAVED, Hindrance.BROKEN_OFF,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Safe:
    """Nothing keeps the map from being changed; ``evidence`` is a sentence for each condition that was looked at.

    ``header`` is the map's own, as it was at that moment; ``held`` the words that somebody may be about to use: those
    of all stacks, registers and iterators, where they were asked for.
    """

    header: bytes
    evidence: tuple[str, ...]
    held: NDArray[np.uint64] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unsafe:
    """Something does: ``why`` says it in a sentence, ``who`` is the goroutine (0 where it is none's doing)."""

    hindrance: Hindrance
    why: str
    who: int = 0


Moment = Safe | Unsafe
