"""Ask a gops agent: one byte of command over TCP, an answer until it closes.

Upstream: google/gops signal/signal.go and agent/agent.go. It serves one caller at a time, and its heap
profile is the binary one: raw return addresses of hidden runtime frames are not in it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mapmedic.capture import endpoints
from mapmedic.capture.limits import Limits
from mapmedic.capture.visit import Visit
from mapmedic.errors import CouldNotLook, FormatError, TargetUnreachable, UnexpectedAnswer
from mapmedic.formats.gops import parse_gops_goroutines
from mapmedic.formats.sniff import Kind, sniff
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact
from mapmedic.model.units import MIB, UnixNanoseconds

_CHUNK_BYTES = 1 << 16
_COLLECT = b"\x02"
_SMALL = Limits(10, MIB)
# Their lengths are the agent's own.
CPU_SECONDS, TRACE_SECONDS = 30.0, 5.0


@dataclass(frozen=True, slots=True)
class _Command:
    """One command: its byte, what its answer is kept as, its bounds, what is missing without it."""

    kind: str
    byte: bytes
    limits: Limits
    missing: str
    holds: Kind | None = None


_VERSION = _Command("gops_version", b"\x04", _SMALL, "no Go version")
_STATS = _Command("gops_stats", b"\x07", _SMALL, "no goroutine count")
_MEMSTATS = _Command("gops_memstats", b"\x03", _SMALL, "no memory figures")
_HEAP = _Command("heap_pprof", b"\x05", Limits(60, 256 * MIB), "no heap profile", "heap_pprof")
_STACKS = _Command(
    "goroutine_text", b"\x01", Limits(30, 64 * MIB), "no goroutine states and waiting times", "goroutine_text"
)
_CPU = _Command("cpu_pprof", b"\x06", Limits(CPU_SECONDS + 30, 64 * MIB), "asked for, not had", "pprof")
_TRACE = _Command("trace", b"\x08", Limits(TRACE_SECONDS + 30, 256 * MIB), "asked for, not had", "trace")
_NOT_THERE = (
    Blank(
        "heap_text", "a gops agent has no raw return addresses: the runtime frames of map growth stay hidden"
    ),
    Blank("metrics", "a gops agent tells no RSS; the memory timeline has one point a capture"),
)


@dataclass
class GopsVisitor:
    """Visits a process through its gops agent; ``most`` bounds each answer."""

    host: str
    port: int
    keep: Callable[[Artifact], None]
    most: Limits
    force_gc: bool = False
    cpu: bool = False
    trace: bool = False

    async def visit(self, number: int) -> Visit:
        """Ask everything once, one after the other: the agent serves one caller at a time."""
        asked = _Asked(self, number)
        if self.force_gc:
            await asked.collect()
        for command in (_HEAP, _MEMSTATS, _STATS) + ((_VERSION,) if number == 0 else ()):
            await asked.take(command)
        await asked.take_stacks()
        asked.blanks.extend(_NOT_THERE)
        return asked.visit()

    async def poll(self) -> None:
        """Do nothing: reading the figures stops the process for a moment, and RSS is not among them."""

    async def watch(self, number: int) -> Visit:
        """Ask for the CPU profile and the trace, if they are wanted."""
        asked = _Asked(self, number)
        for command in (*((_CPU,) if self.cpu else ()), *((_TRACE,) if self.trace else ())):
            await asked.take(command)
        return asked.visit()

    async def ask(self, byte: bytes, limits: Limits) -> bytes:
        """Return the agent's answer to one command; TargetUnreachable, UnexpectedAnswer where it is too long."""
        limits = limits.within(self.most)
        url = f"gops://{self.host}:{self.port}"
        try:
            async with asyncio.timeout(limits.seconds):
                return await self._exchange(url, byte, limits.max_bytes)
        except TimeoutError as error:
            raise TargetUnreachable(url, f"no complete answer within {limits.seconds:g} s") from error
        except OSError as error:
            known = error.errno in errno.errorcode
            why = os.strerror(error.errno) if known and error.errno else str(error)[:200]
            raise TargetUnreachable(url, why) from error

    async def _exchange(self, url: str, byte: bytes, max_bytes: int) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(byte)
            await writer.drain()
            body = bytearray()
            while chunk := await reader.read(_CHUNK_BYTES):
                body += chunk
                if len(body) > max_bytes:
                    raise UnexpectedAnswer(url, f"with more than {max_bytes:,} bytes")
            return bytes(body)
        finally:
            writer.close()


@dataclass
class _Asked:
    """The commands of one visit and what became of them."""

    visitor: GopsVisitor
    number: int
    artifacts: list[Artifact] = field(default_factory=list)
    blanks: list[Blank] = field(default_factory=list)
    errors: dict[str, CouldNotLook] = field(default_factory=dict)

    async def take(self, command: _Command) -> None:
        source = f"gops://{self.visitor.host}:{self.visitor.port} command {command.byte[0]}"
        try:
            data = await self.visitor.ask(command.byte, command.limits)
            if data.startswith(b"HTTP/"):
                raise UnexpectedAnswer(source, "as an HTTP server: give it as http://")
            looks = sniff(data)
            if not data or (command.holds and looks not in (command.holds, "unknown")):
                raise UnexpectedAnswer(source, f"with what looks like {looks}")
        except (TargetUnreachable, UnexpectedAnswer) as error:
            self.errors[command.kind] = error
            self.blanks.append(Blank(command.kind, f"no answer: {error.why}; {command.missing}"))
            return
        artifact = Artifact(command.kind, self.number, UnixNanoseconds(time.time_ns()), source, data)
        self.artifacts.append(artifact)
        self.visitor.keep(artifact)

    async def take_stacks(self) -> None:
        """Ask for every goroutine's stack, unless that would stop the process for long."""
        stats = next((a.data for a in self.artifacts if a.kind == _STATS.kind), b"")
        try:
            count = parse_gops_goroutines(stats)
        except FormatError:
            self.blanks.append(Blank(_STACKS.kind, f"not asked for: nobody said how many; {_STACKS.missing}"))
            return
        if count > endpoints.MAX_GOROUTINES_FOR_FULL_DUMP:
            why = f"not asked for: dumping {count:,} goroutines would stop the process"
            self.blanks.append(Blank(_STACKS.kind, why))
            return
        await self.take(_STACKS)

    async def collect(self) -> None:
        try:
            await self.visitor.ask(_COLLECT, Limits(60, MIB))
        except (TargetUnreachable, UnexpectedAnswer) as error:
            self.blanks.append(Blank("gc", f"no GC was forced: {error.why}"))

    def visit(self) -> Visit:
        return Visit(tuple(self.artifacts), tuple(self.blanks), dict(self.errors))
