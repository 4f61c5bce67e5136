"""Which way is taken: what is asked for is obeyed or refused, else the best that keeps the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mapmedic.errors import ProcessUnreadable
from mapmedic.memory.process import ProcessFacts
from mapmedic.memory.way import Cost, Way, choose_way, estimate_cost, way_after_refusal, way_after_timeout
from mapmedic.model.inventory import Limits, SnapshotMode
from mapmedic.model.units import MIB

CHEAP = Cost(
    fork_ms=20, freeze_ms=150, fork_bytes=10 * MIB, free_bytes=1000 * MIB, is_confined=False, is_stopped=False,
    has_room=True,
)  # fmt: skip
AGAINST = {
    "confined": replace(CHEAP, is_confined=True),
    "no_room": replace(CHEAP, has_room=False),
    "too_slow": replace(CHEAP, fork_ms=201),
    "no_memory": replace(CHEAP, fork_bytes=937 * MIB),
}


def test_a_fork_is_the_usual_way_and_needs_no_words() -> None:
    way = choose_way(1, CHEAP, Limits())
    assert (way.how, way.notes) == (SnapshotMode.FORK, ())
    nobody_says = replace(CHEAP, free_bytes=None)
    assert choose_way(1, nobody_says, Limits()).how is SnapshotMode.FORK


@pytest.mark.parametrize("cause", AGAINST)
def test_what_forbids_a_fork_is_said_and_the_next_best_is_taken(cause: str) -> None:
    way = choose_way(1, AGAINST[cause], Limits())
    assert (way.how, way.max_pause_ms) == (SnapshotMode.FREEZE, 200.0)
    slow = replace(AGAINST[cause], freeze_ms=201)
    way = choose_way(1, slow, Limits())
    assert (way.how, len(way.notes)) == (SnapshotMode.LIVE, 2)


@pytest.mark.parametrize("cause", AGAINST)
def test_a_fork_that_was_asked_for_is_refused(cause: str) -> None:
    with pytest.raises(ProcessUnreadable) as refused:
        choose_way(1, AGAINST[cause], Limits(SnapshotMode.FORK))
    assert refused.value.cause == cause


@pytest.mark.parametrize("cause", AGAINST)
@pytest.mark.parametrize("how", [SnapshotMode.FREEZE, SnapshotMode.LIVE])
def test_another_way_that_was_asked_for_is_obeyed(cause: str, how: SnapshotMode) -> None:
    way = choose_way(1, AGAINST[cause], Limits(how))
    assert (way.how, way.notes) == (how, ())


def test_who_stands_still_anyway_is_read_as_it_stands() -> None:
    stopped = replace(CHEAP, is_stopped=True, freeze_ms=9_999)
    for how in (None, SnapshotMode.FORK, SnapshotMode.FREEZE):
        way = choose_way(1, stopped, Limits(how))
        assert (way.how, way.max_pause_ms > 9_999) == (SnapshotMode.FREEZE, True)
    assert choose_way(1, stopped, Limits(SnapshotMode.LIVE)).how is SnapshotMode.LIVE


def test_the_pause_grows_with_the_pages_that_a_fork_shares() -> None:
    small = ProcessFacts("x", "S", (1,), 0, 0, True, 0, 200 * MIB, 100 * MIB, MIB)
    large = replace(small, anonymous_bytes=10_000 * MIB, resident_bytes=10_100 * MIB)
    costs = [estimate_cost(1, facts, has_room=True) for facts in (small, large)]
    assert costs[0].fork_ms < 20
    assert costs[1].fork_ms > 200
    assert costs[1].fork_bytes > costs[0].fork_bytes > MIB


def test_a_refused_fork_is_done_without_unless_it_was_asked_for() -> None:
    way = way_after_refusal(CHEAP, Limits(), "no more processes")
    assert way is not None
    assert (way.how, way.notes[0]) == (SnapshotMode.FREEZE, "no copy was forked: no more processes")
    assert way_after_refusal(CHEAP, Limits(SnapshotMode.FORK), "no more processes") is None


def test_standing_still_for_too_long_is_done_without_or_tried_once_more() -> None:
    freeze = Way(SnapshotMode.FREEZE, 200.0)
    unasked = way_after_timeout(freeze, CHEAP, Limits())
    assert unasked is not None
    assert unasked.how is SnapshotMode.LIVE
    asked = Limits(SnapshotMode.FREEZE)
    again = way_after_timeout(freeze, CHEAP, asked)
    assert again is not None
    assert again.how is SnapshotMode.FREEZE
    assert way_after_timeout(again, CHEAP, asked) is None
    assert way_after_timeout(freeze, replace(CHEAP, freeze_ms=201), asked) is None
    assert way_after_timeout(Way(SnapshotMode.FORK, 200.0), CHEAP, Limits()) is None
