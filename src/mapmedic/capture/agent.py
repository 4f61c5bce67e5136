"""Talk to the mapmedic agent inside a service (docs/reference/agent-api.yaml)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mapmedic.capture.http import Answer, HttpClient
from mapmedic.capture.limits import Limits
from mapmedic.errors import (
    AgentRefused,
    FormatError,
    MapmedicError,
    NotAuthorized,
    UnexpectedAnswer,
    UsageError,
)
from mapmedic.formats.agent import parse_object, registered_maps, whole_number
from mapmedic.formats.entry_stream import StreamReader
from mapmedic.formats.memstats import parse_memstats
from mapmedic.model.backup import StreamEnd
from mapmedic.model.memstats import MemStats
from mapmedic.model.observation import MemoryPoint, RegisteredMap
from mapmedic.model.units import MIB, UnixNanoseconds

API = "/debug/mapmedic/v1"
_MAX_OPERATOR = 128
_ENTRIES = "application/vnd.mapmedic.entries"
# The agent writes a chunk at least every few milliseconds; it gives a slow reader 30 s for one.
_SILENCE_SECONDS = 30.0
# Returning memory to the kernel can take seconds on a large heap.
_PPROF_LIMITS = Limits(seconds=20, max_bytes=64 * MIB)
_LIMITS = Limits(seconds=120, max_bytes=16 * MIB)


@dataclass(frozen=True, slots=True)
class AgentLink:
    """A way to one agent: ``call`` for its JSON, the rest for what is only looked at.

    ``operator`` is who the agent's log names.
    """

    client: HttpClient
    base_url: str
    token: str
    operator: str = "mapmedic"

    @property
    def by(self) -> str:
        """Return ``operator`` as the agent writes it down: printable, at most 128 bytes."""
        return "".join(c if " " <= c <= "~" else "?" for c in self.operator)[:_MAX_OPERATOR].strip()

    async def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Return the JSON object that ``path`` answers.

        TargetUnreachable, NotAuthorized (401, 403 and an agent without a token), AgentRefused (any other
        answer of the agent's own), UsageError (400),
        UnexpectedAnswer (somebody else answered).
        """
        url = self.base_url + path
        answer = await self.client.request(method, url, _LIMITS, headers=self._headers(), json=body)
        if answer.status < 300:
            return _object(answer)
        raise _refusal(answer)

    async def stream_entries(
        self, identity: str, receive: Callable[[bytes], None], *, lossy: bool, seconds: float
    ) -> StreamEnd:
        """Hand the stream of a detached operation's entries to ``receive`` and return its checked trailer.

        Errors as ``call`` has them; FormatError where the stream was cut short or does not add up.
        """
        url = f"{self.base_url}{API}/operations/{identity}/entries?lossy={int(lossy)}"
        reader = StreamReader()

        def take(chunk: bytes) -> None:
            reader.feed(chunk)
            receive(chunk)

        answer = await self.client.stream(url, seconds, _SILENCE_SECONDS, take, headers=self._headers())
        if answer.status != 200:
            raise _refusal(answer)
        return reader.finish()

    async def restore_entries(self, name: str, stream: bytes) -> dict[str, Any]:
        """Put the entries of a whole ``stream`` back into the map ``name``; errors as ``call`` has them."""
        url = f"{self.base_url}{API}/restore?map={quote(name, safe='')}"
        headers = {**self._headers(), "Content-Type": _ENTRIES}
        answer = await self.client.request("POST", url, _LIMITS, headers=headers, body=stream)
        if answer.status < 300:
            return _object(answer)
        raise _refusal(answer)

    async def maps(self) -> tuple[RegisteredMap, ...]:
        """Return what the agent has registered."""
        return registered_maps(await self.call("GET", f"{API}/maps"))

    async def memory(self) -> MemoryPoint:
        """Return the process's memory now, as the agent sees it from inside."""
        stats = await self.call("GET", f"{API}/stats")
        return memory_point(stats)

    async def memstats(self) -> MemStats | None:
        """Return runtime.MemStats, which net/http/pprof shows beside the agent; None where it does not."""
        try:
            answer = await self.client.get(self.base_url + "/debug/pprof/heap?debug=1", _PPROF_LIMITS)
            _, mark, footer = answer.body.partition(b"# runtime.MemStats\n")
            return parse_memstats(footer) if answer.status == 200 and mark else None
        except MapmedicError:
            return None  # one source of figures the fewer; the fix does not hang on it

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "X-Mapmedic-Operator": self.by}


def memory_point(stats: Mapping[str, Any]) -> MemoryPoint:
    """Return the agent's ``stats`` object as a point in time."""
    return MemoryPoint(
        at=UnixNanoseconds(time.time_ns()),
        rss_bytes=whole_number(stats.get("rss_bytes")),
        heap_alloc_bytes=whole_number(stats.get("heap_alloc_bytes")),
        num_gc=whole_number(stats.get("num_gc")),
        goroutines=whole_number(stats.get("goroutines")),
        heap_idle_bytes=whole_number(stats.get("heap_idle_bytes")),
        heap_released_bytes=whole_number(stats.get("heap_released_bytes")),
        sys_bytes=whole_number(stats.get("sys_bytes")),
    )


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return parse_object(answer.body, "agent answer")
    except FormatError as error:
        raise UnexpectedAnswer(answer.url, f"not as an agent does: {error.why}", answer.status) from error


def _refusal(answer: Answer) -> Exception:
    try:
        problem = parse_object(answer.body, "agent error").get("error")
    except FormatError:
        problem = None
    if not isinstance(problem, dict):
        nobody = ": there is no mapmedic agent here" if answer.status == 404 else ""
        return UnexpectedAnswer(answer.url, f"with HTTP {answer.status}{nobody}", answer.status)
    code, message = str(problem.get("code", "")), str(problem.get("message", ""))
    if answer.status in (401, 403) or code == "no_token_configured":
        return NotAuthorized(answer.url, message)
    if answer.status == 400:
        return UsageError(f"the agent does not understand: {message}")
    return AgentRefused(code, message, answer.status)
