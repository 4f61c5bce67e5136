"""A flame tree as columns for the drawing script, and as a table for everybody else."""

from __future__ import annotations

from dataclasses import dataclass

from mapmedic.report.flame import SMALL, FlameNode, FlameTree, Part
from mapmedic.report.inert import WHOLE_LIMIT, inert

SHOWN_HOLDERS = 12


@dataclass(frozen=True, slots=True)
class Holder:
    """One function of the program and the live bytes that it, or the library working for it, allocated."""

    node: FlameNode
    inuse: int
    share: float


def columns(tree: FlameTree) -> dict[str, object]:
    """Return the tree as columns: flat, so that no depth of stack troubles a parser, each text once."""
    texts: dict[str, int] = {}

    def number(text: str | None) -> int:
        return -1 if not text else texts.setdefault(inert(text, WHOLE_LIMIT), len(texts))

    nodes = tree.nodes
    return {
        "name": [number(node.name) for node in nodes],
        "file": [number(node.file) for node in nodes],
        "line": [node.line or 0 for node in nodes],
        "parent": [node.parent for node in nodes],
        "inuse": [node.inuse for node in nodes],
        "alloc": [node.alloc for node in nodes],
        "grown": [node.grown for node in nodes],
        "kind": [node.kind.value for node in nodes],
        "restored": [int(node.restored) for node in nodes],
        "texts": list(texts),
    }


def holders(tree: FlameTree) -> list[Holder]:
    """Return the program's functions that hold most live bytes; a stack counts for its innermost one only."""
    claimed = [0] * len(tree.nodes)
    own: dict[str, tuple[FlameNode, int]] = {}
    for index in range(len(tree.nodes) - 1, 0, -1):
        node = tree.nodes[index]
        below = claimed[index]
        if node.name == SMALL:
            claimed[index] = node.inuse  # whose it is was not kept: nobody's, rather than the caller's
        if node.kind is Part.PROGRAM:
            claimed[index] = node.inuse
            heaviest, held = own.get(node.name, (node, 0))
            own[node.name] = (heaviest if heaviest.inuse >= node.inuse else node, held + node.inuse - below)
        claimed[node.parent] += claimed[index]
    ranked = sorted(own.values(), key=lambda each: -each[1])[:SHOWN_HOLDERS]
    total = tree.root.inuse or 1
    return [Holder(node, held, held / total) for node, held in ranked if held]
