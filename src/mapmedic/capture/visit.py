"""One visit: ask everything once, at the same time, and note what did not answer."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field

from mapmedic.capture import endpoints
from mapmedic.capture.endpoints import Endpoint
from mapmedic.capture.http import HttpClient
from mapmedic.errors import CouldNotLook, FormatError
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.symbols import symbol_query
from mapmedic.model.findings import Blank
from mapmedic.model.heap_records import HeapRecords, hidden_prefix_lengths
from mapmedic.model.session import Artifact
from mapmedic.model.units import UnixNanoseconds

_GOROUTINE_TOTAL = re.compile(rb"goroutine profile: total (\d+)")
# A symbol endpoint may lie (a proxy, another process behind a load balancer): some user frames whose
# names we know are asked for as well, and checked when the session is read.
KNOWN_SYMBOLS_ASKED = 64


@dataclass
class Visitor:
    """Visits one target again and again; remembers which symbols it has already asked for."""

    client: HttpClient
    base_url: str
    force_gc: bool = False
    agent_headers: dict[str, str] | None = None
    _asked: set[int] = field(default_factory=set)

    async def visit(self, number: int) -> tuple[list[Artifact], list[Blank]]:
        """Return what this visit brought and what it did not."""
        wanted = [e for e in endpoints.EVERY_VISIT if number == 0 or not e.first_visit_only]
        results = await asyncio.gather(*(self._take(e, number) for e in wanted), self._take_agent(number))
        artifacts = [result for result in results if isinstance(result, Artifact)]
        results += [await self._take_goroutines(artifacts, number)]
        results += await self._take_symbols(artifacts, number)
        return (
            [result for result in results if isinstance(result, Artifact)],
            [result for result in results if isinstance(result, Blank)],
        )

    async def poll(self) -> Artifact | None:
        """Return the metrics of this moment for the memory timeline, None where they cannot be had."""
        endpoint = endpoints.METRICS
        taken = await self._fetch(endpoint.kind, endpoint.path, endpoint, 0, {})
        if isinstance(taken, Blank):
            return None
        return Artifact("metrics_poll", taken.visit, taken.taken_at, taken.source, taken.data)

    async def _take(self, endpoint: Endpoint, number: int) -> Artifact | Blank:
        path = endpoint.path + ("&gc=1" if endpoint.may_force_gc and self.force_gc else "")
        return await self._fetch(endpoint.kind, path, endpoint, number, {})

    async def _take_agent(self, number: int) -> Artifact | Blank:
        endpoint = endpoints.AGENT_MAPS
        return await self._fetch(endpoint.kind, endpoint.path, endpoint, number, self.agent_headers or {})

    async def _take_goroutines(self, artifacts: list[Artifact], number: int) -> Artifact | Blank:
        endpoint = endpoints.GOROUTINE_TEXT
        count = next((_goroutine_total(a.data) for a in artifacts if a.kind == "goroutine_text1"), None)
        if count is None:
            return Blank(endpoint.kind, f"goroutine counts did not answer; {endpoint.missing}")
        if count > endpoints.MAX_GOROUTINES_FOR_FULL_DUMP:
            return Blank(endpoint.kind, f"not asked for: dumping {count:,} goroutines would stop the service")
        return await self._take(endpoint, number)

    async def _take_symbols(self, artifacts: list[Artifact], number: int) -> list[Artifact | Blank]:
        text = next((a for a in artifacts if a.kind == "heap_text"), None)
        if text is None:
            return []
        try:
            addresses = addresses_to_name(parse_heap_text(text.data))
        except FormatError as error:
            return [Blank("symbols", f"the heap text does not parse: {error}")]
        new = sorted(set(addresses) - self._asked)
        self._asked.update(new)
        return [await self._take_symbol_batch(batch, number) for batch in symbol_query(new)]

    async def _take_symbol_batch(self, query: str, number: int) -> Artifact | Blank:
        endpoint = Endpoint("symbols", f"{endpoints.SYMBOLS_PATH}?{query}", endpoints.SYMBOLS_LIMITS,
                            "hidden runtime frames stay hidden")  # fmt: skip
        return await self._fetch(endpoint.kind, endpoint.path, endpoint, number, {})

    async def _fetch(
        self, kind: str, path: str, endpoint: Endpoint, number: int, headers: dict[str, str]
    ) -> Artifact | Blank:
        url = self.base_url + path
        try:
            answer = await self.client.get(url, endpoint.limits, headers)
        except CouldNotLook as error:
            return Blank(kind, f"{error}; {endpoint.missing}")
        if answer.status != 200:
            return Blank(kind, f"{_why_not(kind, answer.status)}; {endpoint.missing}")
        # A query of 20,000 addresses would drown the record of where bytes came from.
        origin = self.base_url + endpoint.path.split("?0x", 1)[0]
        return Artifact(kind, number, UnixNanoseconds(time.time_ns()), origin, answer.body)


def addresses_to_name(records: HeapRecords) -> list[int]:
    """Return the call addresses behind every hidden leaf PC, and a few known ones as a check on the answers."""
    hidden = hidden_prefix_lengths(records)
    starts = records.stack_start[:-1]
    addresses: set[int] = set()
    known: set[int] = set()
    for start, end, count in zip(
        starts.tolist(), records.stack_start[1:].tolist(), hidden.tolist(), strict=True
    ):
        addresses.update((records.stack[start : start + count] - 1).tolist())
        if len(known) < KNOWN_SYMBOLS_ASKED and start + count < end:
            known.add(int(records.stack[start + count]) - 1)
    return sorted(addresses | known)


def _goroutine_total(data: bytes) -> int | None:
    match = _GOROUTINE_TOTAL.match(data)
    return int(match.group(1)) if match else None


def _why_not(kind: str, status: int) -> str:
    if kind == "agent_maps":
        if status == 401:
            return "the agent in this service wants its token (MAPMEDIC_TOKEN)"
        if status == 404:
            return "there is no mapmedic agent in this service"
    if 300 <= status < 400:
        return f"HTTP {status}: it redirects, and redirects are not followed"
    return f"HTTP {status}"
