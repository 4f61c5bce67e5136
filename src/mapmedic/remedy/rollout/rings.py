"""Which targets come when: one, then a tenth, then half, then all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mapmedic.errors import UsageError
from mapmedic.model.rollout import Ring, RingSize

CANARY = "1,10%,50%,100%"
_SIZE = re.compile(r"([0-9]{1,6})|([0-9]{1,3}(?:\.[0-9]{1,3})?)%")
_MOST_RINGS = 20


def parse_rings(text: str) -> tuple[RingSize, ...]:
    """Return the sizes that ``text`` (1,10%,50%,100%) means: how many are done when each ring is.

    UsageError where it means none.
    """
    words = [word.strip() for word in text.split(",")]
    found = [_SIZE.fullmatch(word) for word in words]
    sizes = [RingSize(int(m[1])) if m[1] else RingSize(share=float(m[2]) / 100) for m in found if m]
    if len(sizes) != len(words) or not all(_is_some(size) for size in sizes) or len(sizes) > _MOST_RINGS:
        raise UsageError(
            f"{text!r} are no rings; say how many targets are to be done after each, e.g. {CANARY} or 1,5,100%"
        )
    return tuple(sizes)


def _is_some(size: RingSize) -> bool:
    return bool(size.count) if size.share is None else 0 < size.share <= 1


def split_into_rings(sizes: Sequence[RingSize], targets: int) -> tuple[Ring, ...]:
    """Return the rings of ``targets`` targets; a size that adds none to those before it makes no ring.

    UsageError where the sizes shrink.
    """
    rings: list[Ring] = []
    reached = 0
    for size in sizes:
        behind = size.of(targets)
        if behind < reached:
            said = ", ".join(each.text for each in sizes)
            raise UsageError(
                f"rings {said}: {size.text} of {targets} targets is less than the ring before it"
            )
        if behind > reached:
            rings.append(Ring(len(rings) + 1, reached, behind, size.text))
        reached = behind
    return tuple(rings)
