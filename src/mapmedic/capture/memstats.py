"""What a service says of its own heap over HTTP, to hold beside what was read from its memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mapmedic.capture.endpoints import HEAP_TEXT
from mapmedic.capture.http import HttpClient
from mapmedic.capture.inventory import capture_heap
from mapmedic.capture.targets import Target, http_base, parse_target
from mapmedic.errors import UnexpectedAnswer
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.goheap.checks import memstats_checks
from mapmedic.memory.copying import Progress
from mapmedic.model import inventory
from mapmedic.model.connection import Connection
from mapmedic.model.memstats import MemStats


def capture_memstats(url: str, connection: Connection) -> MemStats:
    """Return MemStats of the service at ``url`` (a net/http/pprof base); CouldNotLook where it says nothing."""
    target = parse_target(url)
    base = http_base(target)

    async def ask() -> bytes:
        async with HttpClient(connection=connection, socket_path=target.socket_path) as client:
            answer = await client.get(base + HEAP_TEXT.path, HEAP_TEXT.limits)
        if answer.status != 200:
            raise UnexpectedAnswer(
                answer.url, f"with HTTP {answer.status}, not a heap profile", answer.status
            )
        return answer.body

    records = parse_heap_text(asyncio.run(ask()))
    if records.memstats is None:
        raise UnexpectedAnswer(base, "its heap profile has no MemStats")
    return records.memstats


def capture_checked(
    target: Target, limits: inventory.Limits, exe: Path | None, progress: Progress | None,
    against: str, connection: Connection,
) -> inventory.Inventory:  # fmt: skip
    """Return the inventory of ``target``, held against what the service at ``against`` says of itself."""
    before = capture_memstats(against, connection)
    heap, found, _ = capture_heap(target, limits, exe, progress)
    return found.checked(memstats_checks(heap, before, capture_memstats(against, connection)))
