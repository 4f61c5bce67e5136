"""The iterators of a map that are alive, wherever they lie: as many as the program itself keeps alive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mapmedic.goheap.heap import GoHeap, survey_heap
from mapmedic.goheap.live_iterators import IteratorPlace, iterators_elsewhere, iterators_on_stacks
from mapmedic.memory.snapshot import read_process
from mapmedic.model.inventory import Limits
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_stacks import PATIENCE_MS
from tests.support.livefix_program import Livefix, build_livefix
from tests.support.toolchains import EVERY, toolchains

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("may_trace")]
ALIVE = 2
# A walk takes 20 s: none of them ends while it is looked for. Those of the small map begin anew all the time.
ARGUMENTS = ("--entries", "20000", "--iterators", str(ALIVE), "--iterator")
PULL_SINCE = 23
STRIPPED = ("-ldflags=-s -w",)
BUILDS = [(), STRIPPED] if EVERY else [STRIPPED]
FUNCTIONS = {"range": "walkRange", "pull": "func1", "reflect": "walkReflect"}


@pytest.mark.parametrize("flags", BUILDS, ids=lambda flags: "stripped" if flags else "plain")
@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_every_iterator_is_found_where_it_lies(
    go: GoToolchain, flags: tuple[str, ...], tmp_path: Path
) -> None:
    program = build_livefix(go, tmp_path, *flags)
    hows = ["range", "reflect"] + ["pull"] * (int(go.version.split(".")[1]) >= PULL_SINCE)
    for how in hows:
        with Livefix(program, "all", *ARGUMENTS, how) as livefix:
            livefix.wait_for(are_under_way)
            heap = survey_heap(read_process(livefix.process.pid, Limits(max_pause_ms=PATIENCE_MS)))
            kinds = livefix.get("truth")["kinds"]
        for kind in sorted(set(kinds) - {"small-flags"}):
            expect_iterators(heap, how, kind, kinds[kind]["places"])


def are_under_way(stats: dict[str, Any]) -> bool:
    return all(each["walked"] >= ALIVE for each in stats["kinds"].values())


def expect_iterators(heap: GoHeap, how: str, kind: str, places: list[dict[str, Any]]) -> None:
    """Expect two for each map; the walks of shards are spread over them, and those of a sync.Map have no iterator."""
    for number, place in enumerate(places):
        wanted = ALIVE if len(places) == 1 else int(number < ALIVE)
        if place["lock_kind"] == "sync.Map":
            wanted = 0
        on_stacks = iterators_on_stacks(heap.memory, heap.runtime, heap.stacks, place["map"])
        elsewhere = iterators_elsewhere(heap, place["map"])
        if how == "reflect":
            assert len(elsewhere) >= wanted, (how, kind, elsewhere)
            assert {each.place for each in elsewhere} <= {IteratorPlace.HEAP}
            continue
        found = [each for each in on_stacks if any(name.endswith(FUNCTIONS[how]) for name in each.functions)]
        goroutines = {each.goroutine for each in found}
        assert (len(found), len(goroutines)) == (wanted, wanted), (how, kind, on_stacks)


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_where_nobody_iterates_none_is_found_for_long(go: GoToolchain, tmp_path: Path) -> None:
    quiet = ("--entries", "200", "--check-every", "0", "--gc-every", "0")
    with Livefix(build_livefix(go, tmp_path), "all", *quiet) as livefix:
        livefix.wait_for(lambda stats: all(each["writes"] for each in stats["kinds"].values()))
        heap = survey_heap(read_process(livefix.process.pid, Limits(max_pause_ms=PATIENCE_MS)))
        kinds = livefix.get("truth")["kinds"]
    for kind, truth in kinds.items():
        for place in truth["places"]:
            if place["lock_kind"] == "sync.Map":
                continue  # no map of the runtime, which is what iterators are of
            assert iterators_on_stacks(heap.memory, heap.runtime, heap.stacks, place["map"]) == [], kind
            assert iterators_elsewhere(heap, place["map"]) == [], kind
