"""What only watches maps: the agent in the program itself, which knows every map it was told of and owns none.

Its global variables are roots like any other, and all they lead to is reachable; but who holds a map is first looked
for without the objects that they point to. They have no names in a stripped program, so they are known by the code:
what the agent's functions touch and nobody else's do.
"""

from __future__ import annotations

import numpy as np

from mapmedic.goheap.global_labels import GlobalLabels
from mapmedic.goheap.roots import Roots
from mapmedic.memory.reader import Address

_AGENT = "github.com/mapmedic/mapmedic/agent"


def find_watchers(labels: GlobalLabels, roots: Roots) -> list[int]:
    """Return the pointers in the global variables of the agent; none where the program has no agent in it."""
    touched = labels.touched_by(_AGENT)
    if not touched:
        return []
    held = np.flatnonzero(np.isin(roots.addresses[: roots.first_of_stacks], np.array(touched, dtype="<u8")))
    return [int(roots.words[n]) for n in held if labels.is_only_of(_AGENT, Address(int(roots.addresses[n])))]
