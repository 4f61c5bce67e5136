"""An agent that follows its contract (docs/reference/agent-api.yaml) and fails where it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from mapmedic.capture.agent import AgentLink, memory_point
from mapmedic.errors import AgentRefused
from mapmedic.formats.entry_stream import encode_stream
from mapmedic.model.backup import StreamEnd
from mapmedic.model.observation import MemoryPoint, RegisteredMap
from mapmedic.model.remedy import BackupPlan, Condition, FixPlan
from mapmedic.model.units import MIB

Fault = Callable[[], BaseException]


def backup_plan(path: Path | None = None, *, lossless: bool = True) -> BackupPlan:
    """Return a backup that is wanted."""
    losses = () if lossless else ("value.Conn: net.Conn",)
    return BackupPlan("folder", str(path) if path else None, 1000, 10_000, lossless, losses)


def plan(**changes: Any) -> FixPlan:
    """Return a plan whose conditions hold."""
    conditions = (Condition("lock", True, "got in 3 µs"),)
    facts = {
        "target": "http://t",
        "map": "main.T.m",
        "kind": "map",
        "type": "map[string]int",
        "strategy": "swap",
    }
    rest = {"entries": 1000, "steps": (), "conditions": conditions, "undo": "", "notes": ()}
    return FixPlan(**{**facts, **rest, "hold_seconds": 60, "return_memory": True, **changes})


@dataclass
class Agent:
    """The state of a target, and the faults: call -> error before the agent acted, or after it did.

    Calls are named `stats`, `detach`, `commit`, `undo`, `show`, `operations`, `maps`, `stream`.
    ``streams`` are the payloads that a stream brings, ``unencodable`` what it had to leave out.
    """

    before: dict[str, Fault] = field(default_factory=dict)
    after: dict[str, Fault] = field(default_factory=dict)
    state: str = "untouched"
    busy: str | None = None
    asked: list[str] = field(default_factory=list)
    on_call: Callable[[str], None] = lambda _name: None
    base_url: str = "http://t"
    by: str = "me"
    identity: object = "abc-1"
    entries: int | None = 5
    streams: list[bytes] = field(default_factory=lambda: [b'{"k":%d,"v":1}' % n for n in range(1000)])
    unencodable: int = 0

    @property
    def link(self) -> AgentLink:
        """Return this agent as what remedy talks to."""
        return cast(AgentLink, self)

    async def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Answer as the agent does."""
        name = self._name(method, path)
        if name in self.before:
            self._seen(name)
            raise self.before[name]()
        self._seen(name)
        answer = getattr(self, f"_{name}")()
        if name in self.after:
            raise self.after[name]()
        return cast(dict[str, Any], answer)

    async def memory(self) -> MemoryPoint:
        """Return what is less once the entries are gone."""
        await self.call("GET", "/stats")
        size = 100 * MIB if self.state in ("untouched", "undone", "detached") else 10 * MIB
        return memory_point({"rss_bytes": size, "heap_alloc_bytes": size, "num_gc": 1, "goroutines": 3})

    async def stream_entries(
        self, identity: str, receive: Callable[[bytes], None], *, lossy: bool, seconds: float
    ) -> StreamEnd:
        """Hand the stream over in two pieces; a fault before comes between them, one after at the end."""
        self._seen("stream")
        data = encode_stream(self.streams)
        receive(data[: len(data) // 2])
        if "stream" in self.before:
            raise self.before["stream"]()
        await asyncio.sleep(0)
        receive(data[len(data) // 2 :])
        if "stream" in self.after:
            raise self.after["stream"]()
        return StreamEnd(len(self.streams), self.unencodable, "")

    async def memstats(self) -> None:
        """Return that net/http/pprof is not served beside this agent."""

    async def maps(self) -> tuple[RegisteredMap, ...]:
        """Return the one map there is."""
        await self.call("GET", "/maps")
        left = self.entries if self.state in ("detached", "committed") else 1000
        return (RegisteredMap("main.T.m", "map", "map[string]int", left, None),)

    def _seen(self, name: str) -> None:
        self.asked.append(name)
        self.on_call(name)

    def _name(self, method: str, path: str) -> str:
        last = path.rpartition("/")[2]
        if last == "operations":
            return "detach" if method == "POST" else "operations"
        return last if last in ("stats", "maps", "commit", "undo") else "show"

    def _operation(self) -> dict[str, Any]:
        finished = None if self.state == "detached" else "2026-11-23T04:00:00Z"
        return {
            "id": self.identity, "state": self.state, "busy": self.busy, "finished_at": finished, "by": self.by,
            "map": "main.T.m", "entries": 1000, "dropped": 1000 if self.state == "committed" else 0,
            "merged": 1000 if self.state == "undone" else 0, "lock_hold_ns": 1200,
        }  # fmt: skip

    def _stats(self) -> dict[str, Any]:
        return {}

    def _maps(self) -> dict[str, Any]:
        return {}

    def _detach(self) -> dict[str, Any]:
        self.state = "detached"
        return self._operation()

    def _end(self, state: str) -> dict[str, Any]:
        if self.state != "detached" or self.busy:
            raise AgentRefused("wrong_state", "the operation is not in a state for this", 409)
        self.state = state
        return self._operation()

    def _commit(self) -> dict[str, Any]:
        return self._end("committed")

    def _undo(self) -> dict[str, Any]:
        return self._end("undone")

    def _show(self) -> dict[str, Any]:
        return self._operation()

    def _operations(self) -> dict[str, Any]:
        others = {"id": "zzz-9", "state": "committed", "finished_at": "x", "by": "me", "map": "main.T.m"}
        theirs = {"id": "zzz-8", "state": "detached", "finished_at": None, "by": "you", "map": "main.T.m"}
        mine = [self._operation()] if self.state == "detached" else []
        return {"operations": [*mine, others, theirs, "?"]}
