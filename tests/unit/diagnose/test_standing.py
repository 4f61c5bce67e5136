"""How many goroutines stand at a suspect's site, in what and for how long; a leak of them says who started them."""

from __future__ import annotations

import dataclasses

from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Diagnosis, SourceHint, Verdict
from mapmedic.model.goroutines import GoroutineDump, GoroutineFrame, GoroutineGroup
from mapmedic.model.units import KIB
from tests.unit.diagnose.builder import SWISS, Heap, ToldSource, capture, goroutines, observation

BORN = GoroutineFrame("main.subscribe", "hub.go", 31)


def group(count: int, state: str, function: str, *, minutes: int = 0) -> GoroutineGroup:
    frames = (GoroutineFrame("runtime.gopark", "x.go", 1), GoroutineFrame(function, "x.go", 7))
    return GoroutineGroup(count, state, 0, minutes, frames, BORN, (), 0, False)


def dump(*groups: GoroutineGroup, truncated: bool = False) -> GoroutineDump:
    return GoroutineDump(groups, sum(g.count for g in groups), truncated)


def leak(
    full: GoroutineDump | None, counts: GoroutineDump | None = None, declared: str | None = None
) -> Diagnosis:
    """A map leak at main.put, with these dumps at the last capture."""
    heaps = [Heap().holds(f"{SWISS} < main.put:9", 20 * KIB, n * 1000, made=n * 2000) for n in (1, 2, 3)]
    captures = [capture(10 * i, heap, gc=i + 1, goroutines=counts) for i, heap in enumerate(heaps)]
    captures[-1] = dataclasses.replace(captures[-1], goroutines=full)
    source = ToldSource(SourceHint(declared, "m[k] = v")) if declared else None
    return diagnose(observation(*captures), source=source)


def standing(diagnosis: Diagnosis) -> list[object]:
    return [
        e.measured for e in diagnosis.suspects[0].evidence if e.claim.startswith("goroutines with main.put")
    ]


def test_states_and_the_longest_wait() -> None:
    full = dump(
        group(2, "chan receive", "main.put", minutes=12),
        group(1, "running", "main.put"),
        group(9, "select", "main.b"),
    )
    assert standing(leak(full)) == ["3: 2 chan receive, 1 running; the oldest waiting for 12 minutes"]


def test_nobody_there_is_said_and_so_is_a_cut_dump() -> None:
    assert standing(leak(dump(group(9, "select", "main.b")))) == ["0"]
    cut = dump(group(2, "select", "main.put"), truncated=True)
    assert standing(leak(cut)) == [
        "2 or more (the dump was cut): 2 select; none waiting for a minute or more"
    ]


def test_counts_alone_tell_no_states_and_no_dump_nothing() -> None:
    assert standing(leak(None, goroutines(put=4))) == ["4"]
    assert standing(leak(None)) == []


def test_the_variable_of_one_goroutine_is_named_by_it() -> None:
    one = dataclasses.replace(group(1, "chan receive", "main.put"), sample_ids=(24,))
    local = "main.put.seen"
    assert leak(dump(one), declared=local).suspects[0].owner == "goroutine 24 main.put.seen"
    two = dataclasses.replace(group(2, "chan receive", "main.put"), sample_ids=(24, 25))
    for full, declared in ((dump(two), local), (dump(), local), (None, local), (dump(one), "main.T.seen")):
        assert leak(full, declared=declared).suspects[0].owner == declared
    assert leak(dump(one, truncated=True), declared=local).suspects[0].owner == local


def test_a_goroutine_leak_says_what_they_wait_for_how_long_and_who_started_them() -> None:
    heap = Heap().holds("main.a", 64, 1000)
    captures = [
        capture(10 * i, heap, gc=i + 1, goroutines=goroutines(wait=n)) for i, n in enumerate((9, 200, 400))
    ]
    full = dump(group(390, "chan receive", "main.wait", minutes=61), group(10, "select", "main.wait"))
    captures[-1] = dataclasses.replace(captures[-1], goroutines=full)
    diagnosis = diagnose(observation(*captures))
    assert diagnosis.verdict is Verdict.GOROUTINE_LEAK
    told = {e.claim: e.measured for e in diagnosis.suspects[0].evidence}
    assert told["what they wait for"] == "390 chan receive, 10 select; the oldest waiting for 61 minutes"
    assert told["where they were started"] == "main.subscribe at hub.go:31"
