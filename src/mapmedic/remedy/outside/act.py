"""Change a running process at a safe moment: wait for one, write, look at what was written."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mapmedic.errors import MapmedicError, NoSafeMoment, ProcessUnreadable, WriteRefused, WriteUnknown
from mapmedic.memory.access import require_readable
from mapmedic.memory.process import started_ticks
from mapmedic.memory.stop import Stop
from mapmedic.memory.writer import write_changes
from mapmedic.model.acted import Acted, Stage, Try, count_hindrances
from mapmedic.model.safe_moment import Hindrance, Unsafe
from mapmedic.remedy.outside.catching import Catching
from mapmedic.remedy.outside.moments import Polling
from mapmedic.remedy.outside.way import Act, Finder, Save, Watch, Way
from mapmedic.remedy.uninterrupted import uninterrupted

_NS_PER_MS = 1_000_000
_MOST_STEPS = 64
_READ_AGAIN = "what was written was read again in the same stop: it is there"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stop may last, how long to go on trying in vain, and how long to wait between two tries, in ms."""

    budget_ms: float = 20.0
    limit_ms: float = 10_000.0
    least_wait_ms: float = 1.0
    most_wait_ms: float = 20.0
    random: random.Random = field(default_factory=random.Random)

    def wait_ms(self, stops: int) -> float:
        """Return how long to wait after ``stops`` stops: longer after each, and never in step with the target."""
        ceiling = self.least_wait_ms * 1.5 ** min(stops + 1, _MOST_STEPS)
        return self.random.uniform(
            self.least_wait_ms, max(self.least_wait_ms, min(self.most_wait_ms, ceiling))
        )


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do to process ``pid``, which began at ``started_ticks``: ``way``, at a moment that ``watch`` judges.

    ``save`` is called in the stop before anything is written, ``written`` after each stop in which something was,
    ``not_written``, with the reason, in one in which nothing was after all, ``unknown`` where nobody knows what was.
    ``finder`` finds the moments; None polls, and ``watches_locks`` that are hardly ever free.
    """

    pid: int
    started_ticks: int
    watch: Watch
    way: Way
    save: Save | None = None
    written: Callable[[Stage], None] | None = None
    not_written: Callable[[str], None] | None = None
    unknown: Callable[[WriteUnknown, Act], None] | None = None
    finder: Finder | None = None
    watches_locks: bool = True


def act(job: Job, patience: Patience | None = None) -> Acted:
    """Do ``job`` at the first safe moment, or moments where its way needs several stops.

    NoSafeMoment where there was none within the limit, or there can be none; ProcessUnreadable where the process
    cannot be stopped, WriteRefused where it is another one. Nothing was changed each time. Where some stops have
    changed something and no further moment is found, or the next cannot be made, what is returned is not ``whole``.
    WriteUnknown where it may be there in part what was written in the first stop of all.
    """
    return _Attempts(job, patience or Patience()).run()


class _Attempts:
    """The tries at one job, so far."""

    def __init__(self, job: Job, patience: Patience) -> None:
        self._job, self._patience = job, patience
        facts = require_readable(job.pid)
        self._finder = job.finder or _finder(job, Polling(job.pid, facts, job.watch, patience.budget_ms))
        self._began_ns = time.monotonic_ns()
        self._stages: list[Stage] = []
        self._tries: list[Try] = []
        self._vain_since_ms, self._vain_stops = 0.0, 0

    def run(self) -> Acted:
        while True:
            at_ms = (time.monotonic_ns() - self._began_ns) / _NS_PER_MS
            with uninterrupted():  # else nobody would know whether it was written
                done = self._look_or_break_off(at_ms)
                if isinstance(done, Stage) and done.writes and self._job.written:
                    self._job.written(done)
            if isinstance(done, Stage):
                self._stages.append(done)
                self._vain_since_ms, self._vain_stops = at_ms, 0
                if done.is_last:
                    return Acted(tuple(self._stages), tuple(self._tries))
                time.sleep(self._patience.least_wait_ms / 1000)
            else:
                self._tries.append(done)
                if self._give_up(done):
                    return self._given_up()

    def _give_up(self, last: Try) -> bool:
        """Tell whether there is no use in going on; wait where there is."""
        self._vain_stops += last.pause_ms > 0
        # A glance costs the target nothing: the next may come soon.
        wait_ms = self._patience.wait_ms(self._vain_stops if last.pause_ms else 0)
        vain_ms = last.at_ms - self._vain_since_ms
        if not last.hindrance.hindrance.may_pass or vain_ms + wait_ms > self._patience.limit_ms:
            return True
        time.sleep(wait_ms / 1000)
        return False

    @property
    def _wrote(self) -> bool:
        return any(each.writes for each in self._stages)

    def _given_up(self) -> Acted:
        tries = tuple(self._tries)
        if self._wrote:
            return Acted(tuple(self._stages), tries, whole=False)
        raise NoSafeMoment(self._job.pid, self._job.watch.address, len(tries), count_hindrances(tries))

    def _look_or_break_off(self, at_ms: float) -> Stage | Try:
        """Look once; what goes wrong after something was changed ends the act, and does not hide what was changed."""
        try:
            return self._look_once(at_ms)
        except MapmedicError as error:
            if not self._wrote:
                raise
            return Try(at_ms, 0.0, Unsafe(Hindrance.BROKEN_OFF, str(error)))

    def _look_once(self, at_ms: float) -> Stage | Try:
        with self._finder.moment() as held:
            if isinstance(held, Unsafe):
                stood_ms = self._patience.budget_ms if held.hindrance is Hindrance.TOO_SLOW else 0.0
                return Try(at_ms, stood_ms, held)
            done = _try(held, self._job)
        pause_ms = held.pause_ns / _NS_PER_MS
        if isinstance(done, Unsafe):
            return Try(at_ms, pause_ms, done)
        return Stage(done.entries, at_ms, pause_ms, done.evidence, done.is_last, len(done.changes), done.left)


def _finder(job: Job, polling: Polling) -> Finder:
    """Return what finds moments; one that is caught is held by us, not by a guardian."""
    if not job.way.is_one_write:
        return replace(polling, guarded=True)
    return Catching(polling) if job.watches_locks else polling


def _try(held: Stop, job: Job) -> Act | Unsafe:
    """Return what was done, with what made it safe; Unsafe, with nothing written, where it is not."""
    # Standing still, it cannot end and have its number given to another.
    if started_ticks(job.pid) != job.started_ticks:
        raise WriteRefused(job.pid, job.watch.address, "it is another process by now")
    moment = job.watch.judge(held)
    if isinstance(moment, Unsafe):
        return moment
    chosen = job.way.changes(held, moment)
    if isinstance(chosen, Unsafe):
        return chosen
    evidence = (*moment.evidence, *chosen.evidence)
    if not chosen.changes:
        job.way.done(chosen)
        return replace(chosen, evidence=evidence)
    hindered = _unfinished(held, job.way) or (job.save(held, moment, chosen) if job.save else None)
    if hindered is not None:
        return hindered
    try:
        write_changes(held, chosen.changes)
    except (WriteRefused, ProcessUnreadable) as error:
        if job.not_written:
            job.not_written(error.why)
        if isinstance(error, ProcessUnreadable):
            raise
        forever = error.cause == "not_whole"
        return Unsafe(Hindrance.ON_TWO_PAGES if forever else Hindrance.TOO_SLOW, error.why)
    except WriteUnknown as error:
        if job.unknown:
            job.unknown(error, chosen)
        raise
    job.way.done(chosen)
    return replace(chosen, evidence=(*evidence, _READ_AGAIN))


def _unfinished(held: Stop, way: Way) -> Unsafe | None:
    if held.guarded or way.is_one_write:
        return None
    return Unsafe(Hindrance.ON_TWO_PAGES, "it takes several writes, and nobody would finish them if we died")
