"""What is judged while a process runs is thrown away; the watch is a mock, the process is real."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mapmedic.errors import HeapUnreadable
from mapmedic.goheap.stack_watch import Standing
from mapmedic.model.safe_moment import Hindrance, Safe, Unsafe
from mapmedic.remedy.outside import moments
from mapmedic.remedy.outside.moments import Polling
from mapmedic.remedy.outside.rehearsal import rehearse

LOCKED = Unsafe(Hindrance.LOCKED, "its lock is taken")


class Watch:
    """Judges what runs as ``found``; the glances at it see ``glances``, one after the other."""

    def __init__(self, found: Safe | Exception, *glances: Unsafe | None) -> None:
        self.judged: list[Standing] = []
        self._found, self._glances = found, list(glances)

    def glance(self, _read: object) -> Unsafe | None:
        return self._glances.pop(0)

    def judge(self, standing: Standing) -> Safe:
        self.judged.append(standing)
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


@pytest.mark.parametrize("found", [Safe(b"", ()), HeapUnreadable("its words are of no one moment")])
def test_a_process_that_runs_is_judged_to_no_end(found: Safe | Exception) -> None:
    watch = Watch(found)
    rehearse(cast(Any, watch), os.getpid(), 20.0)
    (running,) = watch.judged
    assert running.read([(0, 8)]) == [None]
    assert (running.pid, running.threads, running.writes) == (os.getpid(), (), ())


@pytest.mark.parametrize(
    ("glances", "judged"), [((LOCKED,), 0), ((None, LOCKED), 1)], ids=["at once", "by then"]
)
def test_what_forbids_a_change_before_the_stop_or_by_the_end_of_the_rehearsal_spares_the_stop(
    glances: tuple[Unsafe | None, ...], judged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "stop", SimpleNamespace)  # none is to be made
    watch = Watch(Safe(b"", ()), *glances)
    with Polling(os.getpid(), cast(Any, None), cast(Any, watch), 20.0).moment() as held:
        assert held is LOCKED
    assert len(watch.judged) == judged
