from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapmedic.model.frames import Frame
from mapmedic.model.heap import HeapChange
from mapmedic.report import flame_data
from mapmedic.report.flame import MAX_DEPTH, SMALL, FlameTree, Part, container_shares, flame_tree
from tests.unit.report.sample_heaps import PUT, heap_of, leaking_heap

MIB = 1 << 20


def frames(*names: str) -> tuple[Frame, ...]:
    return tuple(Frame(name) for name in names)


def paths(tree: FlameTree) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return root-first path -> (live, allocated), the root's own name left out."""
    known: list[tuple[str, ...]] = []
    for node in tree.nodes:
        known.append(() if node.parent < 0 else (*known[node.parent], node.name))
    return {path: (node.inuse, node.alloc) for path, node in zip(known, tree.nodes, strict=True)}


def test_the_same_function_below_the_same_caller_is_one_node() -> None:
    tree = flame_tree(heap_of(((frames("main.a", "main.b"), 3, 5), (frames("main.a", "main.c"), 1, 1))))
    assert paths(tree) == {
        (): (4 * MIB, 6 * MIB),
        ("main.a",): (4 * MIB, 6 * MIB),
        ("main.a", "main.b"): (3 * MIB, 5 * MIB),
        ("main.a", "main.c"): (MIB, MIB),
    }


def test_the_line_shown_is_the_one_most_bytes_come_from() -> None:
    light, heavy = Frame("main.a", "a.go", 1), Frame("main.a", "a.go", 2)
    tree = flame_tree(heap_of((((light,), 1, 1), ((heavy,), 2, 2))))
    assert (tree.nodes[1].file, tree.nodes[1].line) == ("a.go", 2)


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["main.a", "main.b", "runtime.mallocgc", "net/http.f"]), max_size=5),
            st.integers(0, 1_000),
            st.integers(0, 1_000),
        ),
        max_size=30,
    )
)
def test_against_a_slow_twin(records: list[tuple[list[str], int, int]]) -> None:
    expected: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for names, live, allocated in records:
        for depth in range(len(names) + 1):
            expected[tuple(names[:depth])][0] += live * MIB
            expected[tuple(names[:depth])][1] += allocated * MIB
    total = expected[()]
    tree = flame_tree(heap_of(tuple((frames(*names), live, allocated) for names, live, allocated in records)))
    shown = {path: sums for path, sums in paths(tree).items() if SMALL not in path}
    assert all(list(sums) == expected[path] for path, sums in shown.items())
    for path, sums in expected.items():
        share = max((part / whole if whole else 0) for part, whole in zip(sums, total, strict=True))
        assert (path in shown) == (share >= 0.001 or path == ())


def test_what_is_small_is_gathered_and_still_counted() -> None:
    big = ((frames("main.big"), 1000, 1000),)
    dust = tuple((frames("main.dust", f"main.f{number}"), 0.01, 0.01) for number in range(500))
    tree = flame_tree(heap_of(big + dust))
    below = [node for node in tree.nodes if tree.nodes[node.parent].name == "main.dust" and node.parent > 0]
    assert [node.name for node in below] == [SMALL]
    assert below[0].inuse == sum(round(0.01 * MIB) for _ in range(500))
    assert tree.gathered == 500


def test_small_in_one_measure_is_kept_for_the_other() -> None:
    tree = flame_tree(heap_of(((frames("main.live"), 1000, 1), (frames("main.churn"), 0, 1000))))
    assert ("main.churn",) in paths(tree)


def test_node_count_is_bounded_and_sums_stay() -> None:
    records = tuple((frames(f"main.f{n % 50}", f"main.g{n}"), 1.0 + n / 1000, 1.0) for n in range(600))
    tree = flame_tree(heap_of(records), max_nodes=100)
    assert sum(node.name != SMALL for node in tree.nodes) <= 100
    for index, node in enumerate(tree.nodes):
        below = [each.inuse for each in tree.nodes if each.parent == index]
        assert not below or sum(below) == node.inuse


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 200_000])
def test_deep_stacks(depth: int) -> None:
    stack = (
        *frames(*(f"main.f{level}" for level in range(depth - 1))),
        Frame("runtime.mapassign", restored=True),
    )
    tree = flame_tree(heap_of(((stack, 1, 1),)))
    assert tree.depth <= MAX_DEPTH + 1
    assert tree.nodes[-1].name == "runtime.mapassign"
    assert {node.inuse for node in tree.nodes} == {MIB}


def test_figures_that_are_none_count_as_nothing() -> None:
    heap = heap_of(((frames("main.a"), 1, 1), (frames("main.b"), 1, 1)))
    odd = np.array([np.nan, -5.0])
    tree = flame_tree(replace(heap, inuse_bytes=odd, alloc_bytes=np.array([np.inf, 7.0])))
    assert (tree.root.inuse, tree.root.alloc) == (0, 7)


def test_an_empty_profile_is_a_root_alone() -> None:
    tree = flame_tree(heap_of(()))
    assert len(tree.nodes) == 1
    assert flame_data.holders(tree) == []
    assert container_shares(tree) == ()


@pytest.mark.parametrize(
    ("stack", "kinds"),
    [
        (("main.f", "runtime.mapassign", "runtime.mallocgc"), [Part.PROGRAM, Part.MAP, Part.MAP]),
        (("net/http.f", "runtime.mallocgc"), [Part.LIBRARY, Part.RUNTIME]),
        (("main.f", "sync.(*Map).Store", "runtime.mapassign"), [Part.PROGRAM, Part.SYNC_MAP, Part.SYNC_MAP]),
        (("main.f", "runtime.growslice"), [Part.PROGRAM, Part.SLICE]),
    ],
)
def test_kinds(stack: tuple[str, ...], kinds: list[Part]) -> None:
    tree = flame_tree(heap_of(((frames(*stack), 1, 1),)))
    assert [node.kind for node in tree.nodes[1:]] == kinds


def test_container_shares_count_nested_calls_once() -> None:
    shares = {each.kind: each.inuse for each in container_shares(flame_tree(leaking_heap()))}
    assert shares[Part.MAP] == pytest.approx(118.4 * MIB, abs=1)
    assert shares[Part.SLICE] == pytest.approx((6.4 + 21.5) * MIB, abs=2)


def test_each_stack_counts_for_one_holder() -> None:
    tree = flame_tree(leaking_heap())
    held = {holder.node.name: holder.inuse for holder in flame_data.holders(tree)}
    assert held[PUT] == pytest.approx((118.4 + 3.1) * MIB, abs=2)
    assert held["main.newSession"] == pytest.approx((171.2 + 88.0) * MIB, abs=2)
    assert sum(held.values()) <= tree.root.inuse


def test_columns_name_each_text_once() -> None:
    columns = flame_data.columns(flame_tree(leaking_heap()))
    texts = columns["texts"]
    assert isinstance(texts, list)
    assert len(texts) == len(set(texts))
    assert all(len(column) == len(columns["name"]) for name, column in columns.items() if name != "texts")  # type: ignore[arg-type]


def test_growth_counts_what_grew_and_leaves_out_what_shrank() -> None:
    heap = heap_of(((frames("main.a", "main.b"), 3, 5), (frames("main.a", "main.c"), 1, 1)))
    tree = flame_tree(heap, HeapChange(heap, np.array([2.0 * MIB, -MIB]), 30.0))
    grown = {node.name: node.grown for node in tree.nodes}
    assert grown == {"(all)": 2 * MIB, "main.a": 2 * MIB, "main.b": 2 * MIB, "main.c": 0}
    assert flame_data.columns(tree)["grown"] == [node.grown for node in tree.nodes]


def test_small_in_every_other_measure_is_kept_for_growth() -> None:
    heap = heap_of(((frames("main.old"), 1000, 1000), (frames("main.fresh"), 0.01, 0.01)))
    change = HeapChange(heap, np.array([0.0, 0.01 * MIB]), 30.0)
    assert ("main.fresh",) not in paths(flame_tree(heap))
    assert ("main.fresh",) in paths(flame_tree(heap, change))
