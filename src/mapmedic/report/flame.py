"""A heap profile as one tree of calls, small enough to draw, with every byte still accounted for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from mapmedic.model.frames import ContainerKind, Frame, grown_container, is_runtime, is_standard_library
from mapmedic.model.heap import HeapProfile, Stack

SMALL = "(small)"
ALL = "(all)"
DROPPED_SHARE = 0.001
MAX_DEPTH = 160
MAX_NODES = 4_000


class Part(StrEnum):
    """What a node of the tree stands for; the first three are memory of a container itself."""

    MAP = "map"
    SYNC_MAP = "sync.Map"
    SLICE = "slice"
    PROGRAM = "program"
    LIBRARY = "library"
    RUNTIME = "runtime"
    GATHERED = "gathered"


# No number in it, so that stacks of different depth still merge.
_LEFT_OUT = Frame("(… calls left out)")
_GROWTH = {
    ContainerKind.MAP: Part.MAP,
    ContainerKind.SYNC_MAP: Part.SYNC_MAP,
    ContainerKind.SLICE: Part.SLICE,
}
_CONTAINERS = frozenset(_GROWTH.values())


@dataclass(frozen=True, slots=True)
class FlameNode:
    """One call. ``parent`` is the index of the caller in the tree's nodes, -1 for the root.

    ``inuse`` and ``alloc`` are bytes of this call and everything below it.
    """

    name: str
    parent: int
    inuse: int
    alloc: int
    kind: Part
    file: str | None = None
    line: int | None = None
    restored: bool = False


@dataclass(frozen=True, slots=True)
class FlameTree:
    """Nodes, each caller before its callees; ``nodes[0]`` is the root. ``gathered`` counts calls left out."""

    nodes: tuple[FlameNode, ...]
    gathered: int

    @property
    def root(self) -> FlameNode:
        """Return the node that holds everything."""
        return self.nodes[0]

    @property
    def depth(self) -> int:
        """Return how many calls the deepest stack shows."""
        depths = [0] * len(self.nodes)
        for index, node in enumerate(self.nodes[1:], start=1):
            depths[index] = depths[node.parent] + 1
        return max(depths)


@dataclass(slots=True, eq=False)
class _Draft:
    """A node while it is being summed up."""

    frame: Frame
    kind: Part
    inuse: int = 0
    alloc: int = 0
    heaviest: int = -1
    callees: dict[str, _Draft] = field(default_factory=dict)


def flame_tree(heap: HeapProfile, max_nodes: int = MAX_NODES) -> FlameTree:
    """Return ``heap`` as a tree from the root of the stacks to their leaves.

    Calls of the same function from the same caller are one node. What is under 0.1 % of both the live and the
    allocated bytes, or beyond ``max_nodes``, is gathered into a node "(small)" beside its siblings, so that
    sums stay exact. The middle of a stack deeper than ``MAX_DEPTH`` is one node that says so.
    """
    root = _Draft(Frame(ALL), Part.GATHERED)
    for stack, inuse, alloc in zip(
        heap.stacks, heap.inuse_bytes.tolist(), heap.alloc_bytes.tolist(), strict=True
    ):
        _add(root, stack, _whole(inuse), _whole(alloc))
    return _laid_out(root, _floor(root, max_nodes))


def _whole(value: float) -> int:
    """Return bytes as an exact whole number: sums of floats depend on their order, and a NaN would eat them all."""
    return max(0, round(value)) if math.isfinite(value) else 0


def _add(root: _Draft, stack: Stack, inuse: int, alloc: int) -> None:
    weight = max(inuse, alloc)
    node = root
    node.inuse += inuse
    node.alloc += alloc
    for frame in _root_first(stack):
        below = node.callees.get(frame.function)
        if below is None:
            below = node.callees[frame.function] = _Draft(frame, _part(frame, node.kind))
        if weight > below.heaviest:  # the line that shows is the one most bytes come from
            below.frame, below.heaviest = frame, weight
        below.inuse += inuse
        below.alloc += alloc
        node = below


def _root_first(stack: Stack) -> Iterator[Frame]:
    if len(stack) <= MAX_DEPTH:
        return reversed(stack)
    half = MAX_DEPTH // 2
    return reversed((*stack[:half], _LEFT_OUT, *stack[-half:]))


def _part(frame: Frame, caller: Part) -> Part:
    """Return what a call stands for; the runtime working for a container counts as that container."""
    grown = grown_container(frame.function)
    runtime = frame.restored or is_runtime(frame.function)
    if caller is Part.SYNC_MAP and (grown is not None or runtime):
        return caller
    if grown is not None:
        return _GROWTH[grown]
    if runtime:
        return caller if caller in _CONTAINERS else Part.RUNTIME
    if frame is _LEFT_OUT:
        return Part.GATHERED
    return Part.LIBRARY if is_standard_library(frame.function) else Part.PROGRAM


def _share(draft: _Draft, root: _Draft) -> float:
    return max(
        draft.inuse / root.inuse if root.inuse else 0.0, draft.alloc / root.alloc if root.alloc else 0.0
    )


def _floor(root: _Draft, max_nodes: int) -> float:
    """Return the share below which calls are gathered.

    A call is never heavier than its caller, so any floor leaves a tree.
    """
    shares: list[float] = []
    waiting = [root]
    while waiting:
        draft = waiting.pop()
        shares.append(_share(draft, root))
        waiting.extend(callee for callee in draft.callees.values() if _share(callee, root) >= DROPPED_SHARE)
    if len(shares) <= max_nodes:
        return DROPPED_SHARE
    shares.sort(reverse=True)
    # Ties go out together: which of them came first says nothing about them.
    return math.nextafter(shares[max_nodes], math.inf)


def _laid_out(root: _Draft, floor: float) -> FlameTree:
    nodes = [FlameNode(ALL, -1, root.inuse, root.alloc, Part.GATHERED)]
    gathered = 0
    waiting = [(root, 0)]
    while waiting:
        draft, index = waiting.pop()
        kept = [callee for callee in draft.callees.values() if _share(callee, root) >= floor]
        small = [callee for callee in draft.callees.values() if _share(callee, root) < floor]
        for callee in sorted(kept, key=lambda each: (-each.inuse, -each.alloc, each.frame.function)):
            waiting.append((callee, len(nodes)))
            nodes.append(_node(callee, index))
        if small:
            gathered += len(small)
            nodes.append(_small(small, index))
    return FlameTree(tuple(nodes), gathered)


def _node(draft: _Draft, parent: int) -> FlameNode:
    frame = draft.frame
    return FlameNode(
        frame.function, parent, draft.inuse, draft.alloc, draft.kind, frame.file, frame.line, frame.restored
    )


def _small(drafts: list[_Draft], parent: int) -> FlameNode:
    inuse, alloc = sum(draft.inuse for draft in drafts), sum(draft.alloc for draft in drafts)
    return FlameNode(SMALL, parent, inuse, alloc, Part.GATHERED)


@dataclass(frozen=True, slots=True)
class ContainerShare:
    """How many of the live bytes stand below calls that grow one kind of container."""

    kind: Part
    inuse: int
    share: float


def container_shares(tree: FlameTree) -> tuple[ContainerShare, ...]:
    """Return how much of the live bytes each kind of container takes for its own arrays, largest first."""
    sums = dict.fromkeys((Part.MAP, Part.SYNC_MAP, Part.SLICE), 0)
    for node in tree.nodes:
        if node.kind in sums and tree.nodes[node.parent].kind is not node.kind:
            sums[node.kind] += node.inuse
    total = tree.root.inuse
    shares = [
        ContainerShare(kind, inuse, inuse / total if total else 0.0) for kind, inuse in sums.items() if inuse
    ]
    return tuple(sorted(shares, key=lambda each: -each.inuse))
