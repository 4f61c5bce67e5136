"""Real requests on the service while everything else goes on: counted, timed, never retried."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

import aiohttp

from mapmedic.model.report import Requests

_CLIENTS = 8
# Each client is a closed loop with a short pause: some hundred requests a second in all, enough to
# notice a stall of a few milliseconds and little enough to leave the cores to the service.
_PAUSE_SECONDS = 0.02
_TIMEOUT_SECONDS = 10.0


@dataclass
class _Counts:
    sent: int = 0
    failed: int = 0
    first_failure: str | None = None
    latencies_ms: dict[str, list[float]] = field(default_factory=lambda: {"before": [], "during": []})


class Traffic:
    """Users of the service, in a thread of their own; a context manager.

    Requests begun before ``fix_begins`` count as before, those after it as during.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._counts = _Counts()
        self._phase = "before"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="traffic", daemon=True)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def fix_begins(self) -> None:
        """Count what is sent from now on as traffic through the fix."""
        self._phase = "during"

    def stop(self) -> Requests:
        """End the traffic, wait for what is under way and return the counts."""
        self._stop.set()
        self._thread.join(timeout=_TIMEOUT_SECONDS + 5)
        counts = self._counts
        before, during = counts.latencies_ms["before"], counts.latencies_ms["during"]
        return Requests(
            sent=counts.sent,
            failed=counts.failed,
            p50_before_ms=quantile(before, 0.5),
            p99_before_ms=quantile(before, 0.99),
            p50_during_ms=quantile(during, 0.5),
            p99_during_ms=quantile(during, 0.99),
            first_failure=counts.first_failure,
        )

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._user(session, number) for number in range(_CLIENTS)))

    async def _user(self, session: aiohttp.ClientSession, number: int) -> None:
        serial = 0
        while not self._stop.is_set():
            serial += 1
            await self._request(session, f"user-{number}-{serial}")
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _request(self, session: aiohttp.ClientSession, key: str) -> None:
        phase, start = self._phase, time.perf_counter()
        self._counts.sent += 1
        try:
            async with session.get(f"{self._url}/api/work", params={"key": key}) as answer:
                await answer.read()
                failure = None if answer.status == 200 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = str(error) or type(error).__name__
        if failure is not None:
            self._counts.failed += 1
            self._counts.first_failure = self._counts.first_failure or failure
        self._counts.latencies_ms[phase].append((time.perf_counter() - start) * 1e3)


def quantile(values: list[float], share: float) -> float | None:
    """Return the nearest-rank quantile of ``values``, None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
