"""slice_growth: a slice that is appended to and never cut.

What it measures: as map_leak does, at sites whose restored frames show runtime.growslice making long
arrays (many short ones are values of something else and are counted with what holds them). Of a process that was
looked into the elements of each large slice are counted, as map_leak counts entries; a channel is none.
Why it is bad: append at least grows the array by a quarter each time and nothing ever shrinks it.
Mend it: keep a bounded ring, write out and reuse the slice (s = s[:0]), or cut it into a fresh one.
"""

from __future__ import annotations

from mapmedic.diagnose.case import Case
from mapmedic.diagnose.container_growth import growing_suspects
from mapmedic.diagnose.exact_growth import SLICES, counted_growth
from mapmedic.model.findings import Fix, Suspect, Verdict
from mapmedic.model.frames import ContainerKind

FIX = Fix(
    strategy="none",
    command=None,
    patch_hint=(
        "Bound the slice (a ring buffer), or flush it and start again with s = s[:0]; to free the array, copy "
        "what is needed into a fresh slice. mapmedic cannot cut a slice in a running service."
    ),
)


def find_growing_slices(case: Case) -> list[Suspect]:
    """Return every long slice that grows and keeps what it gets."""
    slices = [c for c in case.containers if c.kind is ContainerKind.SLICE]
    sampled = growing_suspects(case, slices, Verdict.SLICE_GROWTH, FIX)
    return [*sampled, *counted_growth(case, Verdict.SLICE_GROWTH, FIX, SLICES)]
