"""When a capture visits, and how often it looks meanwhile."""

from __future__ import annotations

import pytest

from mapmedic.capture.plan import CapturePlan


@pytest.mark.parametrize(
    ("seconds", "visits", "moments"),
    [(0, 4, 1), (0.001, 4, 2), (4, 4, 3), (30, 4, 4), (86400, 100, 100)],
)
def test_moments(seconds: float, visits: int, moments: int) -> None:
    plan = CapturePlan(seconds, visits)
    assert len(plan.moments) == moments
    assert (plan.moments[0], plan.moments[-1]) == (0, seconds)


def test_a_day_has_no_more_polls_than_ten_minutes() -> None:
    assert (CapturePlan(30).poll_seconds, CapturePlan(86400).poll_seconds) == (1.0, 144.0)
