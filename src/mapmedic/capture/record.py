"""Visit a target for a while and write everything into one session file as it arrives."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import mapmedic
from mapmedic.capture import endpoints
from mapmedic.capture.executable import open_executable, symbols_from_file
from mapmedic.capture.image_saving import require_room
from mapmedic.capture.inventory import process_id
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.process import INVENTORY
from mapmedic.capture.session_file import SessionWriter
from mapmedic.capture.targets import Target, TargetKind, live_name
from mapmedic.capture.visit import Visit, Visitor
from mapmedic.capture.visitors import open_visitor
from mapmedic.errors import CouldNotLook, UnexpectedAnswer
from mapmedic.formats.go_binary import GoBinary
from mapmedic.formats.sniff import sniff
from mapmedic.memory.process import read_facts
from mapmedic.model.connection import DIRECT, Connection
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact, LargeArtifact
from mapmedic.model.units import MIB, UnixNanoseconds

# Called with what is being done and how far along it is (0..1).
Progress = Callable[[str, float], None]
_RSS_LINE = re.compile(
    rb"^process_resident_memory_bytes (\d{1,18}(?:\.\d{1,18})?(?:e\+?\d{1,2})?)$", re.MULTILINE
)


def capture_session(
    target: Target,
    path: Path,
    plan: CapturePlan,
    connection: Connection = DIRECT,
    *,
    process: Target | None = None,
    exe: Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Capture ``target`` into ``path`` and return it; ``exe`` is the program's file, if it is at hand.

    ``process`` is the same program as a process on this machine: it is looked at from outside as well.
    TargetUnreachable where nothing at all answered; UnexpectedAnswer where something did, but no
    profile. A partial answer is a session with blanks, not an error. Whatever else ends a capture
    early (a full disk, Ctrl-C) leaves what had arrived in ``path`` + ``.partial``.
    """
    looked_into = process if process is not None or target.kind is not TargetKind.PROCESS else target
    if plan.image and looked_into is not None:
        require_room(path, read_facts(process_id(looked_into)).resident_bytes)
    program = _Program(exe, open_executable(exe)) if exe else None
    name = live_name(target) if process is None else f"{live_name(process)} {live_name(target)}"
    with SessionWriter(path, name, mapmedic.__version__, force=force) as writer:
        recorder = _Recorder(plan, writer, progress or (lambda _what, _share: None), program)
        try:
            asyncio.run(recorder.record(target, connection, process))
        except KeyboardInterrupt as stop:
            for note in writer.what_is_left():
                stop.add_note(note)
            raise
        return writer.finish()


@dataclass(frozen=True, slots=True)
class _Program:
    """The file of the target's program, opened."""

    path: Path
    binary: GoBinary

    def build_info(self) -> Artifact:
        now = UnixNanoseconds(time.time_ns())
        return Artifact("build_info", 0, now, str(self.path), self.binary.build_info_text.encode())


@dataclass
class _Recorder:
    """One capture under way: when to look, what to write, what to say."""

    plan: CapturePlan
    writer: SessionWriter
    progress: Progress
    program: _Program | None = None
    _started: float = field(default_factory=time.monotonic)
    _watching: str = "watching the heap"

    async def record(self, target: Target, connection: Connection, process: Target | None) -> None:
        moments = self.plan.moments
        known: tuple[Blank, ...] = ()
        if self.program:
            self.writer.add(self.program.build_info())
        async with open_visitor(target, self.plan, connection, self._keep, process) as visitor:
            for number, moment in enumerate(moments):
                await self._poll_until(visitor, moment)
                name = f"capture {number + 1} of {len(moments)}"
                self.progress(name, self._share(moment))
                visit = await visitor.visit(number)
                if number == 0 and not any(map(_is_of_use, visit.artifacts)):
                    self.writer.discard()
                    raise _why_nothing(live_name(target), visit)
                blanks = visit.blanks if number == 0 else _later_blanks(visit, name, known)
                self._note(self._with_names_from_file(visit, blanks))
                known += visit.blanks if number == 0 else ()
            self._note((await self._watched(visitor, len(moments) - 1)).blanks)
        self.progress("captured", 1.0)

    async def _watched(self, visitor: Visitor, number: int) -> Visit:
        seconds = max(self.plan.cpu_seconds, self.plan.trace_seconds)
        if seconds:
            self.progress(f"profiling for {seconds:g} s", 1.0)
        return await visitor.watch(number)

    def _note(self, blanks: Iterable[Blank]) -> None:
        for blank in blanks:
            self.writer.add_blank(blank)

    def _with_names_from_file(self, visit: Visit, blanks: Collection[Blank]) -> Collection[Blank]:
        """Keep what the program's file says of the heap; return the blanks that are left."""
        heap = next((a for a in visit.artifacts if a.kind == endpoints.HEAP_TEXT.kind), None)
        if self.program is None or heap is None:
            return blanks
        names = symbols_from_file(heap, self.program.binary, self.program.path)
        if isinstance(names, Blank):
            return [*blanks, names]
        self.writer.add(names)
        return [blank for blank in blanks if blank.what != endpoints.SYMBOLS.kind]

    async def _poll_until(self, visitor: Visitor, moment: float) -> None:
        while (left := self._started + moment - time.monotonic()) > 0:
            await visitor.poll()
            self.progress(self._watching, self._share(moment - left))
            await asyncio.sleep(
                min(self.plan.poll_seconds, max(0.0, self._started + moment - time.monotonic()))
            )

    def _keep(self, artifact: Artifact | LargeArtifact) -> None:
        if isinstance(artifact, LargeArtifact):
            what = f"saving the {artifact.kind.replace('_', ' ')}"
            self.writer.add_large(artifact, lambda share: self.progress(what, share))
            return
        self.writer.add(artifact)
        if artifact.kind == endpoints.METRICS_POLL.kind:
            match = _RSS_LINE.search(artifact.data)
            if match:
                self._watching = f"watching, RSS {float(match.group(1)) / MIB:,.0f} MiB"

    def _share(self, moment: float) -> float:
        return min(1.0, moment / self.plan.seconds) if self.plan.seconds > 0 else 0.5


def _later_blanks(visit: Visit, name: str, known: Collection[Blank]) -> list[Blank]:
    """Return what a later visit did not bring, beyond what the first did not either."""
    if not visit.artifacts:
        why = next((str(error) for error in visit.errors.values()), "nobody knows why")
        return [Blank(name, f"nothing answered any more: {why}")]
    return [Blank(blank.what, f"{name}: {blank.why}") for blank in visit.blanks if blank not in known]


def _is_of_use(artifact: Artifact) -> bool:
    """Tell whether it is a profile or an inventory: without either there is nothing to study."""
    if artifact.kind == INVENTORY:
        return True
    holds = next((e.holds for e in endpoints.PROFILES if e.kind == artifact.kind), None)
    return holds is not None and sniff(artifact.data) == holds


def _why_nothing(base: str, visit: Visit) -> CouldNotLook:
    said = (
        visit.errors.get(kind) for kind in (*(endpoint.kind for endpoint in endpoints.PROFILES), INVENTORY)
    )
    return next((error for error in said if error), UnexpectedAnswer(base, "not with a heap profile", 200))
