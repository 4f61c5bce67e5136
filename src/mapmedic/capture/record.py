"""Visit a target for a while and write everything into one session file as it arrives."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mapmedic
from mapmedic.capture.http import HttpClient
from mapmedic.capture.session_file import SessionWriter
from mapmedic.capture.targets import Target, http_base
from mapmedic.capture.visit import Visitor
from mapmedic.errors import TargetUnreachable, UnexpectedAnswer
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact
from mapmedic.model.units import MIB

# Called with what is being done and how far along it is (0..1).
Progress = Callable[[str, float], None]
_POLL_SECONDS = 1.0
_RSS_LINE = re.compile(rb"^process_resident_memory_bytes ([0-9.e+]{1,30})$", re.MULTILINE)
_SHORTEST_INTERVAL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """How long to look and how often.

    ``seconds`` of 0 is a single visit; otherwise ``visits`` are spread evenly over it, the first at
    once and the last at its end. ``force_gc`` asks the target for a collection at each visit.
    """

    seconds: float = 0.0
    visits: int = 4
    force_gc: bool = False
    agent_token: str | None = None

    @property
    def moments(self) -> tuple[float, ...]:
        """Return the seconds after the start at which each visit takes place."""
        if self.seconds <= 0:
            return (0.0,)
        most = int(self.seconds / _SHORTEST_INTERVAL_SECONDS) + 1
        count = max(2, min(self.visits, most))
        return tuple(self.seconds * step / (count - 1) for step in range(count))


def capture_session(
    target: Target, path: Path, plan: CapturePlan, *, force: bool = False, progress: Progress | None = None
) -> Path:
    """Capture ``target`` into ``path`` and return it.

    TargetUnreachable where nothing at all answered; UnexpectedAnswer where something did, but no
    profile. A partial answer is a session with blanks, not an error.
    """
    base = http_base(target)
    with SessionWriter(path, target.text, mapmedic.__version__, force=force) as writer:
        asyncio.run(_record(base, plan, writer, progress or (lambda _what, _share: None)))
        return writer.finish()


async def _record(base: str, plan: CapturePlan, writer: SessionWriter, progress: Progress) -> None:
    headers = {"Authorization": f"Bearer {plan.agent_token}"} if plan.agent_token else None
    start = time.monotonic()
    async with HttpClient() as client:
        visitor = Visitor(client, base, plan.force_gc, headers)
        for number, moment in enumerate(plan.moments):
            await _wait_and_poll(visitor, writer, start, moment, plan.seconds, progress)
            progress(f"capture {number + 1} of {len(plan.moments)}", _share(moment, plan.seconds))
            artifacts, blanks = await visitor.visit(number)
            for artifact in artifacts:
                writer.add(artifact)
            for blank in blanks:
                writer.add_blank(blank)
            if number == 0 and not any(a.kind in ("heap_text", "heap_pprof") for a in artifacts):
                raise _nothing_captured(base, blanks)
    progress("captured", 1.0)


async def _wait_and_poll(
    visitor: Visitor, writer: SessionWriter, start: float, moment: float, total: float, progress: Progress
) -> None:
    while (left := start + moment - time.monotonic()) > 0:
        poll = await visitor.poll()
        if poll is not None:
            writer.add(poll)
        progress(_watching(poll), _share(moment - left, total))
        await asyncio.sleep(min(_POLL_SECONDS, max(0.0, start + moment - time.monotonic())))


def _watching(poll: Artifact | None) -> str:
    match = _RSS_LINE.search(poll.data) if poll else None
    return f"watching, RSS {float(match.group(1)) / MIB:,.0f} MiB" if match else "watching the heap"


def _share(moment: float, total: float) -> float:
    return min(1.0, moment / total) if total > 0 else 0.5


def _nothing_captured(base: str, blanks: list[Blank]) -> TargetUnreachable | UnexpectedAnswer:
    heap = next((blank for blank in blanks if blank.what == "heap_text"), None)
    why = heap.why.split("; ", 1)[0] if heap else "no answer"
    if why.startswith("no answer from"):
        return TargetUnreachable(f"{base}/debug/pprof/heap", why.split(": ", 1)[-1])
    return UnexpectedAnswer(f"{base}/debug/pprof/heap", why)
