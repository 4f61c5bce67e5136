"""Watch the service through a fix, by URLs that its users know; when it turns bad, say so at once.

A bad probe may be chance: a GC, a busy core. Several in a row are the service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from mapmedic.capture.http import HttpClient
from mapmedic.capture.limits import Limits
from mapmedic.errors import CouldNotLook, HealthTurnedBad, UnwellBefore
from mapmedic.model.health import HealthBars, HealthPhase, UrlHealth
from mapmedic.model.units import MIB

Result = TypeVar("Result")
BEFORE, DURING, AFTER = "before", "during", "after"
# The latency bar where none is given: three times the slowest usual answer, and never less than a GC's hiccup on top.
_TIMES_USUAL = 3.0
_LEAST_MARGIN_MS = 250.0
_MAX_BODY_BYTES = 16 * MIB


@dataclass(frozen=True, slots=True)
class _Probe:
    phase: str
    status: int | None
    milliseconds: float
    why: str


@dataclass
class _Watched:
    """One URL, what it answered before, and what is amiss with it."""

    url: str
    status: int | None = None
    bar_ms: float | None = None
    probes: list[_Probe] = field(default_factory=list)
    streak: int = 0
    unwell: str | None = None

    def complaint(self, probe: _Probe) -> str | None:
        if probe.status is None:
            return probe.why
        if probe.status != self.status:
            return f"it answers HTTP {probe.status}, not {self.status} as before"
        if self.bar_ms is not None and probe.milliseconds > self.bar_ms:
            return f"it takes {probe.milliseconds:,.0f} ms, more than {self.bar_ms:,.0f} ms"
        return None

    def health(self) -> UrlHealth:
        before, during, after = (self._phase(name) for name in (BEFORE, DURING, AFTER))
        return UrlHealth(self.url, self.status, self.bar_ms, before, during, after, self.unwell)

    def _phase(self, name: str) -> HealthPhase:
        probes = [probe for probe in self.probes if probe.phase == name]
        answered = sorted(probe.milliseconds for probe in probes if probe.status is not None)
        slow = sum(self.bar_ms is not None and each > self.bar_ms for each in answered)
        failed = sum(probe.status is None or probe.status != self.status for probe in probes)
        return HealthPhase(len(probes), failed, slow, _quantile(answered, 0.5), _quantile(answered, 0.95))


class HealthWatch:
    """Probe ``urls`` from a baseline to the end of the context; without URLs it watches nothing.

    Entering takes the baseline of those that ``known`` does not have: UnwellBefore where the service is unwell before
    anything is done to it.
    """

    def __init__(
        self,
        client: HttpClient | None,
        urls: Sequence[str],
        bars: HealthBars,
        known: Sequence[UrlHealth] = (),
    ) -> None:
        self._client, self._bars = client, bars
        usual = {each.url: each for each in known}
        self._watched = [
            _Watched(url, usual[url].status, usual[url].bar_ms) if url in usual else _Watched(url)
            for url in urls
        ]
        self._phase = BEFORE
        self._bad = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> HealthWatch:
        unknown = [each for each in self._watched if each.status is None]
        if unknown:
            await asyncio.gather(*map(self._take_baseline, unknown))
        self._phase = DURING
        self._tasks = [asyncio.create_task(self._keep_probing(each)) for each in self._watched]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            await _cancelled(task)

    async def unless_bad(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what ``work`` returns; HealthTurnedBad, with ``work`` cancelled, once the service is unwell."""
        if not self._watched:
            return await work
        task, bad = asyncio.ensure_future(work), asyncio.create_task(self._bad.wait())
        try:
            await asyncio.wait((task, bad), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await _cancelled(task)
                raise HealthTurnedBad(self.complaints())
            return await task  # done: whoever goes on asks require_well first
        except asyncio.CancelledError:
            await _cancelled(task)
            raise
        finally:
            bad.cancel()

    def require_well(self) -> None:
        """Raise HealthTurnedBad where the service is unwell."""
        if self._bad.is_set():
            raise HealthTurnedBad(self.complaints())

    def committed(self) -> None:
        """Count what is probed from now on as after the fix."""
        self._phase = AFTER

    def complaints(self) -> tuple[str, ...]:
        """Return what is amiss, URL by URL."""
        return tuple(f"{each.url}: {each.unwell}" for each in self._watched if each.unwell)

    def health(self) -> tuple[UrlHealth, ...]:
        """Return how each URL answered, phase by phase."""
        return tuple(each.health() for each in self._watched)

    async def _take_baseline(self, of: _Watched) -> None:
        for number in range(self._bars.baseline_probes):
            if number:
                await asyncio.sleep(self._bars.every_seconds / 2)
            probe = await self._probe(of.url)
            of.probes.append(probe)
            if probe.status is None or probe.status >= 500:
                why = probe.why or f"it answers HTTP {probe.status}"
                raise UnwellBefore((f"health: {of.url}: {why}, before anything was done",))
        of.status = of.probes[-1].status
        usual = max(probe.milliseconds for probe in of.probes)
        of.bar_ms = self._bars.max_latency_ms or max(_TIMES_USUAL * usual, usual + _LEAST_MARGIN_MS)

    async def _keep_probing(self, of: _Watched) -> None:
        while True:
            probe = await self._probe(of.url)
            of.probes.append(probe)
            complaint = of.complaint(probe)
            of.streak = of.streak + 1 if complaint else 0
            if of.streak >= self._bars.streak and of.unwell is None:
                of.unwell = f"{complaint} ({of.streak} times in a row, {self._phase} the fix)"
                self._bad.set()
            await asyncio.sleep(self._bars.every_seconds)

    async def _probe(self, url: str) -> _Probe:
        phase, start = self._phase, time.perf_counter()
        limits = Limits(self._bars.timeout_seconds, _MAX_BODY_BYTES)
        assert self._client is not None  # noqa: S101 - whoever names URLs brings a client
        try:
            answer = await self._client.request("GET", url, limits)
        except CouldNotLook as error:
            return _Probe(phase, None, (time.perf_counter() - start) * 1e3, str(error))
        return _Probe(phase, answer.status, (time.perf_counter() - start) * 1e3, "")


async def _cancelled(task: Awaitable[object]) -> None:
    """Cancel ``task`` and wait until it has cleaned up, whatever it ends with."""
    if isinstance(task, asyncio.Future):
        task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


def _quantile(ordered: list[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
