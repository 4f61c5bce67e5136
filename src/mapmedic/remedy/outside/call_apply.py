"""Carry out the plan for a call: journal, call, collect, watch the memory, prove."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from mapmedic.errors import MapmedicError, PreflightFailed, ProcessUnreadable, WriteUnknown
from mapmedic.memory.access import require_readable
from mapmedic.memory.call import CallWord, begin_call
from mapmedic.memory.process import started_ticks
from mapmedic.model.call import CallDone, CallEnd
from mapmedic.model.observation import MemoryPoint
from mapmedic.model.remedy import Outcome
from mapmedic.model.tuning import Collections
from mapmedic.remedy.boot import boot_id
from mapmedic.remedy.forced_gc import Progress, force_collections, not_restored
from mapmedic.remedy.journal import Journal, note
from mapmedic.remedy.operator import hold_process
from mapmedic.remedy.outside.call_plan import PreparedCall
from mapmedic.remedy.outside.call_proof import is_enough, prove_call
from mapmedic.remedy.outside.memory import MemoryOf
from mapmedic.remedy.plan import require_ready

PLANNED, CALLING, CALLED, ENDED = "call.planned", "call.calling", "call.called", "call.ended"
_HEAR_SECONDS, _POLL_SECONDS = 0.25, 0.25
# The guardian looks at the time itself; it is late only where it does not get a turn.
_LATE_SECONDS = 10.0
_LET_GO_SECONDS = 5.0
_IDLE = "none ran Go code: the program does nothing just now (a request to it makes it)"


def apply_call(
    fix: PreparedCall, journal: Journal, drop: float | None, within_seconds: float, progress: Progress
) -> Outcome:
    """Call the function of ``fix`` and return what came of it; RSS must fall by the share ``drop``, None for no bar.

    Refused, with nothing called, where a condition does not hold, it is another process, or no thread was found for it.
    """
    call = fix.call
    require_ready(fix.plan)
    with hold_process(call.pid):
        if started_ticks(call.pid) != call.started_ticks:
            raise PreflightFailed(("the process: it is another one by now",))
        journal.write(PLANNED, **_plan_facts(fix))
        memory = MemoryOf(call.pid, call.started_ticks, None)
        before = memory.point()
        if before is None:
            raise PreflightFailed(("the process: it has ended",))
        done = _call(fix, journal, progress)
        forced = _collect(fix, journal, done, within_seconds, progress)
        points = _watch(memory, before, done, drop, within_seconds, progress)
    unmended = not_restored(journal.path.parent) if forced and not forced.restored else ""
    proof = prove_call(before, points, done, drop, within_seconds, unmended)
    note(journal, "proved", passed=proof.passed)
    return Outcome(
        plan=fix.plan, applied=True, operation=None, pause_ns=None, entries_removed=None,
        journal_path=str(journal.path), before=before, after=points[-1] if points else None, proof=proof,
        timeline=(before, *points), ended_collections=forced.ended if forced else None, call=done,
    )  # fmt: skip


def _call(fix: PreparedCall, journal: Journal, progress: Progress) -> CallDone:
    facts = require_readable(fix.call.pid)
    journal.write(CALLING, address=fix.call.address)
    course = _Course(fix, journal, progress)
    try:
        done = course.follow(begin_call(fix.call.pid, facts, fix.site, fix.call.wait_ms))
    except MapmedicError as error:
        note(journal, "refused", why=str(error))
        raise
    except KeyboardInterrupt as stop:
        stop.add_note(course.words)
        raise
    note(journal, ENDED, **asdict(done))
    return done


@dataclass(slots=True)
class _Course:
    """How far a call came."""

    fix: PreparedCall
    journal: Journal
    progress: Progress
    guardian: int = 0
    thread: int = 0
    called_at: float = 0.0

    @property
    def words(self) -> str:
        """Return it in a sentence, for whoever is interrupted."""
        if not self.thread:
            return (
                "the search for a thread was ended; unless it had just found one, the function was not called"
            )
        return f"the function runs; the guardian (process {self.guardian}) stays until it has come back: do not kill it"

    def follow(self, hear: Callable[[float], CallWord | None]) -> CallDone:
        """Return how the call ended, or that it still runs; Refused where it was not made."""
        until = time.monotonic() + self.fix.call.wait_ms / 1e3 + _LATE_SECONDS
        while True:
            try:
                word = hear(_HEAR_SECONDS)
            except ProcessUnreadable:
                if not self.thread:
                    raise
                return self._done(CallEnd.LOST)
            if word is not None:
                end = self._take(word)
                if end is not None:
                    return self._let_go(end, hear)
            elif self.thread and time.monotonic() - self.called_at > self.fix.call.limit_ms / 1e3:
                return self._done(CallEnd.RUNNING, is_let_go=False)
            elif not self.thread and time.monotonic() > until:
                raise PreflightFailed(
                    (f"a thread to call it on: the guardian (process {self.guardian}) says nothing",)
                )
            self.progress("the function runs" if self.thread else "looking for a thread to call it on", 0.0)

    def _take(self, word: CallWord) -> CallDone | None:
        if word.what == "looking":
            self.guardian = word.number
        elif word.what == "called":
            self.thread, self.called_at = word.number, time.monotonic()
            note(self.journal, CALLED, thread=self.thread, guardian=self.guardian)
        elif word.what == "returned":
            return self._done(CallEnd.RETURNED, is_let_go=False)
        elif word.what == "panicked":
            said = self.fix.code.value_text(word.number, word.text)
            return self._done(CallEnd.PANICKED, said, is_let_go=False)
        elif word.what == "lost":
            return self._done(CallEnd.LOST)
        elif word.what == "refused":
            raise PreflightFailed((f"a thread to call it on: {word.text or _IDLE}",))
        return None

    def _done(self, end: CallEnd, panic: str | None = None, *, is_let_go: bool = True) -> CallDone:
        ran_ms = (time.monotonic() - self.called_at) * 1e3 if self.called_at else 0.0
        return CallDone(end, self.thread, self.guardian, ran_ms, panic, is_let_go)

    def _let_go(self, done: CallDone, hear: Callable[[float], CallWord | None]) -> CallDone:
        """Return ``done`` with whether the thread is nobody's any more."""
        if done.is_let_go:
            return done
        try:
            word = hear(_LET_GO_SECONDS)
        except ProcessUnreadable:
            word = None
        is_let_go = word is not None and word.what == "done"
        return CallDone(done.end, done.thread, done.guardian, done.ran_ms, done.panic, is_let_go)


def _collect(
    fix: PreparedCall, journal: Journal, done: CallDone, within_seconds: float, progress: Progress
) -> Collections | None:
    """Force collections; return None where none were to be, as while the function still runs."""
    call = fix.call
    if not call.collections or done.end not in (CallEnd.RETURNED, CallEnd.PANICKED):
        return None
    try:
        return force_collections(
            call.pid, fix.words, call.collections, journal, within_seconds=within_seconds, progress=progress
        )
    except MapmedicError as error:
        note(journal, "collections.refused", why=str(error))
        return Collections(call.collections, 0, 0.0, restored=not isinstance(error, WriteUnknown))


def _watch(
    memory: MemoryOf, before: MemoryPoint, done: CallDone, drop: float | None, within_seconds: float, progress: Progress
) -> list[MemoryPoint]:  # fmt: skip
    """Return the memory from now on, until it is enough; none where the process has ended."""
    points: list[MemoryPoint] = []
    began = time.monotonic()
    while (point := memory.point()) is not None:
        points.append(point)
        passed = time.monotonic() - began
        if done.end is CallEnd.RUNNING or is_enough(before, point, drop, passed, within_seconds):
            return points
        progress("watching memory come back", min(1.0, passed / within_seconds))
        time.sleep(_POLL_SECONDS)
    return []


def _plan_facts(fix: PreparedCall) -> dict[str, object]:
    call = fix.call
    return {
        "target": fix.plan.target, "function": call.function, "address": call.address, "strategy": fix.plan.strategy,
        "pid": call.pid, "started_ticks": call.started_ticks, "boot": boot_id(), "program": call.program,
        "build_id": call.build_id, "go_version": call.go_version, "locks": [asdict(each) for each in call.locks],
        "conditions": [[c.name, c.holds, c.why] for c in fix.plan.conditions],
    }  # fmt: skip
