"""The questions of one visit over HTTP, and what became of each."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mapmedic.capture import endpoints
from mapmedic.capture.endpoints import Endpoint
from mapmedic.capture.http import Answer, HttpClient
from mapmedic.capture.layout import Layout
from mapmedic.capture.limits import Limits
from mapmedic.errors import FormatError, TargetUnreachable, UnexpectedAnswer
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.pprof import parse_profile
from mapmedic.formats.sniff import sniff
from mapmedic.formats.symbols import symbol_query
from mapmedic.model.findings import Blank
from mapmedic.model.heap_records import HeapRecords, hidden_prefix_lengths
from mapmedic.model.session import Artifact
from mapmedic.model.units import UnixNanoseconds

# 18 digits: int() itself refuses a line of five thousand.
_GOROUTINE_TOTAL = re.compile(rb"goroutine profile: total (\d{1,18})\b")
# A symbol endpoint may lie (a proxy, another process behind a load balancer): some user frames whose
# names we know are asked for as well, and checked when the session is read.
KNOWN_SYMBOLS_ASKED = 64
_OWN_WORDS_BYTES = 160
_EMPTY_PROFILE_BYTES = 64 << 10


@dataclass(frozen=True)
class Asking:
    """How a target is asked, the same at every visit.

    ``keep`` is handed each artifact the moment it is whole: a visit that is cut short loses nothing.
    """

    client: HttpClient
    layout: Layout
    keep: Callable[[Artifact], None]
    force_gc: bool = False
    agent_token: str | None = field(default=None, repr=False)

    def url(self, endpoint: Endpoint) -> str:
        """Return the address of ``endpoint``, with gc=1 where a collection is wanted."""
        forced = "&gc=1" if endpoint.may_force_gc and self.force_gc else ""
        return self.layout.url(endpoint.path) + forced

    def headers(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Return the agent's token for the agent's endpoints."""
        token = self.agent_token if endpoint.needs_token else None
        return {"Authorization": f"Bearer {token}"} if token else {}


@dataclass
class Questions:
    """The questions of one visit and what became of them."""

    asking: Asking
    number: int
    artifacts: list[Artifact] = field(default_factory=list)
    blanks: list[Blank] = field(default_factory=list)
    errors: dict[str, TargetUnreachable | UnexpectedAnswer] = field(default_factory=dict)

    async def take(self, endpoint: Endpoint, query: str = "", seconds: float | None = None) -> bool:
        """Ask one endpoint; tell whether its answer was kept."""
        try:
            artifact = await self._fetch(endpoint, query, seconds)
        except (TargetUnreachable, UnexpectedAnswer) as error:
            self.errors[endpoint.kind] = error
            why = _agent_words(self.asking, error) if endpoint.needs_token else _words(error)
            self._leave_blank(endpoint.kind, f"{why}; {endpoint.missing}")
            return False
        if endpoint.empty and _has_no_samples(artifact.data):
            self._leave_blank(endpoint.kind, endpoint.empty)
            return False
        self.artifacts.append(artifact)
        self.asking.keep(artifact)
        return True

    async def take_expvar(self) -> None:
        """Ask for the published variables again where they are the only place of the memory figures."""
        if self.number > 0 and self._taken(endpoints.HEAP_TEXT) is None:
            await self.take(endpoints.EXPVAR)

    async def take_goroutines(self) -> None:
        """Ask for states and waiting times, unless that would stop the service for long."""
        endpoint = endpoints.GOROUTINE_TEXT
        counts = self._taken(endpoints.GOROUTINE_COUNT)
        total = _GOROUTINE_TOTAL.match(counts.data) if counts else None
        if total is None:
            self._leave_blank(
                endpoint.kind, f"not asked for: nobody could say how many there are; {endpoint.missing}"
            )
        elif int(total.group(1)) > endpoints.MAX_GOROUTINES_FOR_FULL_DUMP:
            self._leave_blank(
                endpoint.kind,
                f"not asked for: dumping {int(total.group(1)):,} goroutines would stop the service",
            )
        else:
            await self.take(endpoint)

    async def take_symbols(self, named: set[int]) -> None:
        """Ask for the names of hidden frames that are not in ``named`` yet, and add them to it."""
        endpoint = endpoints.SYMBOLS
        text = self._taken(endpoints.HEAP_TEXT)
        if text is None:
            return
        try:
            new = sorted(addresses_to_name(parse_heap_text(text.data)) - named)
        except FormatError as error:
            self._leave_blank(endpoint.kind, f"not asked for: {error}; {endpoint.missing}")
            return
        if len(new) > endpoints.MAX_SYMBOLS_ASKED:
            self._leave_blank(
                endpoint.kind, f"not asked for: {len(new):,} frames to name; {endpoint.missing}"
            )
            return
        # One time limit for all of them: a target that drips must not get it once for each batch.
        deadline = time.monotonic() + endpoint.limits.seconds
        for query in symbol_query(new):
            if not await self.take(endpoint, query, deadline - time.monotonic()):
                return
        named.update(new)

    async def _fetch(self, endpoint: Endpoint, query: str, seconds: float | None) -> Artifact:
        asking, url = self.asking, self.asking.url(endpoint)
        limits = endpoint.limits if seconds is None else Limits(max(0.0, seconds), endpoint.limits.max_bytes)
        answer = await asking.client.get(
            f"{url}?{query}" if query else url, limits, asking.headers(endpoint), patient=endpoint.asked_again
        )
        if answer.status != 200:
            raise UnexpectedAnswer(url, _status_words(answer), answer.status)
        looks = sniff(answer.body)
        # Bytes that look like nothing are kept: they are raw material for somebody who knows more.
        if endpoint.holds and looks not in (endpoint.holds, "unknown"):
            raise UnexpectedAnswer(url, _LOOKS.get(looks, f"with what looks like {looks}"), answer.status)
        # Without the query: 20,000 addresses would drown the record of where bytes came from.
        source = url if query else answer.url
        taken_at = UnixNanoseconds(time.time_ns())
        return Artifact(endpoint.kind, self.number, taken_at, source, answer.body, answer.attempts)

    def _taken(self, endpoint: Endpoint) -> Artifact | None:
        return next((artifact for artifact in self.artifacts if artifact.kind == endpoint.kind), None)

    def _leave_blank(self, kind: str, why: str) -> None:
        self.blanks.append(Blank(kind, why))


def addresses_to_name(records: HeapRecords) -> set[int]:
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
    return addresses | known


def _has_no_samples(data: bytes) -> bool:
    if len(data) > _EMPTY_PROFILE_BYTES:
        return False
    try:
        return len(parse_profile(data).values) == 0
    except FormatError:
        return False  # kept: raw material


_LOOKS = {"html": "with an HTML page", "empty": "with nothing"}


def _status_words(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return f"with a redirect (HTTP {answer.status}){_origin(answer.location)}, which is not followed"
    times = f" {answer.attempts} times" if answer.attempts > 1 else ""
    return f"with HTTP {answer.status}{times}{_own_words(answer)}"


def _origin(location: str) -> str:
    """Return where a redirect leads, without what may be secret in it."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f" to {parts.scheme or 'http'}://{host[:100]}" if host else ""


def _own_words(answer: Answer) -> str:
    """Return the first line of an error that is plain text, as net/http and net/http/pprof write them."""
    if not answer.content_type.startswith("text/plain"):
        return ""
    line = answer.body.partition(b"\n")[0][:_OWN_WORDS_BYTES].decode("utf-8", "replace").strip()
    return f" ({line})" if line and line.isprintable() else ""


def _words(error: TargetUnreachable | UnexpectedAnswer) -> str:
    if not isinstance(error, UnexpectedAnswer):
        return f"no answer: {error.why}"
    return "the service does not serve it (HTTP 404)" if error.status == 404 else f"it answered {error.why}"


def _agent_words(asking: Asking, error: TargetUnreachable | UnexpectedAnswer) -> str:
    status = error.status if isinstance(error, UnexpectedAnswer) else None
    if status == 404:
        return "there is no mapmedic agent in this service"
    if status == 503:
        return "the agent in this service lets nobody in: it was started without a token (HTTP 503)"
    if status in (401, 403):
        return f"the agent in this service wants {'another' if asking.agent_token else 'its'} token (MAPMEDIC_TOKEN)"
    return _words(error)
