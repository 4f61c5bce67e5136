from __future__ import annotations

from dataclasses import replace

import pytest

from mapmedic.model.observation import MemoryPoint
from mapmedic.model.report import Report
from mapmedic.model.units import UnixNanoseconds
from mapmedic.report.timeline import MAX_POINTS, Timeline, columns, rows, timeline_of
from mapmedic.report.view import course
from tests.unit.report import samples


def with_timeline(report: Report, points: tuple[MemoryPoint, ...]) -> Report:
    return replace(report, observation=replace(report.observation, timeline=points))


def whole(report: Report) -> Timeline:
    return timeline_of(report.observation, report.outcome, report.after)


def test_before_and_after_agree_with_the_outcome() -> None:
    report = samples.map_leak_report()
    timeline = whole(report)
    assert report.outcome is not None
    assert timeline.last_before == report.outcome.before
    assert timeline.last_after == report.outcome.after
    assert [event.kind for event in timeline.events].count("fix") == 1
    assert [point.at for point in timeline.points] == sorted({point.at for point in timeline.points})


def test_the_mark_stands_where_the_entries_were_dropped() -> None:
    """Between the first look and the commit the entries are saved: that is not the fix yet."""
    report = samples.map_leak_report()
    assert report.outcome is not None and report.outcome.before is not None
    dropped = UnixNanoseconds(report.outcome.before.at + 2 * samples.SECOND)
    assert whole(replace(report, outcome=replace(report.outcome, dropped_at=dropped))).fixed_at == dropped


def test_a_fix_that_was_not_applied_leaves_no_mark() -> None:
    report = samples.map_leak_report()
    assert report.outcome is not None
    planned = replace(report, outcome=replace(report.outcome, applied=False))
    assert whole(planned).fixed_at is None


def test_many_points_are_thinned_and_the_peak_stays() -> None:
    points = tuple(samples.point(second, 100, None) for second in range(20_000))
    peak = samples.point(7_777.5, 900, None)
    timeline = whole(with_timeline(samples.healthy_report(), (*points, peak)))
    assert len(timeline.points) == MAX_POINTS
    assert peak in timeline.points
    assert len(rows(timeline)) <= 40


@pytest.mark.parametrize(
    "points",
    [
        (),
        (samples.point(0, 5, 5),),
        (samples.point(0, 5, 5),) * 3,
        (samples.point(0, None, None), samples.point(1, 1, 1)),
    ],
)
def test_a_course_without_length_is_not_drawn(points: tuple[MemoryPoint, ...]) -> None:
    timeline = whole(with_timeline(samples.healthy_report(), points))
    assert not timeline.drawable
    assert course(timeline)
    assert columns(timeline)["t"] == [point.at / 1e9 for point in timeline.points]


def test_the_course_in_words() -> None:
    assert course(whole(samples.map_leak_report())) == (
        "In 1 min 1 s RSS went from 61.0 MiB to 451.3 MiB and HeapAlloc went from 48.0 MiB to 432.1 MiB; "
        "19.5 s after the fix RSS is 47.0 MiB and HeapAlloc is 39.4 MiB."
    )
