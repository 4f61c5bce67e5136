"""A heap profile as one tree of calls, small enough to draw, with every byte still accounted for."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heappop, heappush

from mapmedic.model.frames import ContainerKind, Frame, grown_container, is_runtime, is_standard_library
from mapmedic.model.heap import HeapChange, HeapProfile, Stack

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


Sums = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class FlameNode:
    """One call. ``parent`` is the index of the caller in the tree's nodes, -1 for the root.

    ``inuse``, ``alloc`` and ``grown`` are bytes of this call and everything below it; ``grown`` counts the
    stacks that hold more than at the start of the window, and leaves out those that hold less.
    """

    name: str
    parent: int
    inuse: int
    alloc: int
    grown: int
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


@dataclass(frozen=True, slots=True)
class _Records:
    """The profile's records while they are sorted into calls: index -> root-first stack and whole bytes."""

    stacks: list[Stack]
    inuse: list[int]
    alloc: list[int]
    grown: list[int]

    def sums(self, records: list[int]) -> Sums:
        inuse, alloc, grown = (
            sum(map(column.__getitem__, records)) for column in (self.inuse, self.alloc, self.grown)
        )
        return inuse, alloc, grown

    def heaviest(self, records: list[int]) -> int:
        return max(records, key=lambda record: max(self.inuse[record], self.alloc[record]))


@dataclass(frozen=True, slots=True, order=True)
class _Call:
    """A call that may become a node: heavier ones come first, then the one that was met first."""

    lightness: float
    met: int
    node: FlameNode = field(compare=False)
    records: list[int] = field(compare=False)
    depth: int = field(compare=False)


def flame_tree(heap: HeapProfile, change: HeapChange | None = None, max_nodes: int = MAX_NODES) -> FlameTree:
    """Return ``heap`` as a tree from the root of the stacks to their leaves; ``change`` is one of this heap.

    Calls of the same function from the same caller are one node. What is under 0.1 % of each measure, or
    beyond the ``max_nodes`` heaviest, is gathered into a node "(small)" beside its siblings, so that sums stay
    exact. The middle of a stack deeper than ``MAX_DEPTH`` is one node that says so.
    """
    records = _Records(
        [_root_first(stack) for stack in heap.stacks],
        [_whole(value) for value in heap.inuse_bytes.tolist()],
        [_whole(value) for value in heap.alloc_bytes.tolist()],
        [_whole(value) for value in change.gained_bytes.tolist()] if change else [0] * len(heap.stacks),
    )
    return _Growing(records).grown(max_nodes)


def _whole(value: float) -> int:
    """Return bytes as an exact whole number: sums of floats depend on their order, and a NaN would eat them all."""
    return max(0, round(value)) if math.isfinite(value) else 0


def _root_first(stack: Stack) -> Stack:
    if len(stack) > MAX_DEPTH:
        half = MAX_DEPTH // 2
        stack = (*stack[:half], _LEFT_OUT, *stack[-half:])
    return stack[::-1]


class _Growing:
    """A tree that grows by its heaviest call: what is small is never taken apart, however deep it goes."""

    def __init__(self, records: _Records) -> None:
        self._records = records
        everything = list(range(len(records.stacks)))
        self._root = FlameNode(ALL, -1, *records.sums(everything), Part.GATHERED)
        self._waiting = [_Call(-1.0, 0, self._root, everything, 0)]
        self._met = 0
        self._small: dict[int, list[Sums]] = {}

    def grown(self, max_nodes: int) -> FlameTree:
        nodes: list[FlameNode] = []
        while self._waiting and len(nodes) < max_nodes:
            call = heappop(self._waiting)
            nodes.append(call.node)
            self._meet_callees(call, len(nodes) - 1)
        for call in self._waiting:
            self._gather(call.node)
        for parent, small in sorted(self._small.items()):
            inuse, alloc, grown = (sum(column) for column in zip(*small, strict=True))
            nodes.append(FlameNode(SMALL, parent, inuse, alloc, grown, Part.GATHERED))
        return FlameTree(tuple(nodes), sum(map(len, self._small.values())))

    def _meet_callees(self, call: _Call, index: int) -> None:
        for records in self._by_callee(call).values():
            node = self._node(records, call, index)
            share = self._share(node)
            if share < DROPPED_SHARE:
                self._gather(node)
                continue
            self._met += 1
            heappush(self._waiting, _Call(-share, self._met, node, records, call.depth + 1))

    def _by_callee(self, call: _Call) -> dict[str, list[int]]:
        stacks, depth = self._records.stacks, call.depth
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for record in call.records:
            stack = stacks[record]
            if depth < len(stack):
                groups[stack[depth].function].append(record)
        return groups

    def _node(self, records: list[int], call: _Call, index: int) -> FlameNode:
        # The line that shows is the one most bytes come from.
        frame = self._records.stacks[self._records.heaviest(records)][call.depth]
        sums = self._records.sums(records)
        kind = _part(frame, call.node.kind)
        return FlameNode(frame.function, index, *sums, kind, frame.file, frame.line, frame.restored)

    def _share(self, node: FlameNode) -> float:
        root = self._root
        pairs = ((node.inuse, root.inuse), (node.alloc, root.alloc), (node.grown, root.grown))
        return max(part / whole if whole else 0.0 for part, whole in pairs)

    def _gather(self, node: FlameNode) -> None:
        self._small.setdefault(node.parent, []).append((node.inuse, node.alloc, node.grown))


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
