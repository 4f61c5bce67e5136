"""One bounded HTTP question: whole deadline, size cap, patience with a proxy, no trust in redirects."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from mapmedic.capture.body import iter_body, read_body
from mapmedic.capture.failures import in_our_words, may_pass
from mapmedic.capture.limits import LOOSEST, Limits
from mapmedic.capture.tls import tls_context
from mapmedic.errors import TargetUnreachable
from mapmedic.model.connection import DIRECT, Connection

if TYPE_CHECKING:
    import aiohttp

# What is not the stream that was asked for is an explanation.
_EXPLANATION_BYTES = 1 << 18
# A service that restarts, a proxy that has lost its backend for a moment.
_PASSING = frozenset((502, 503, 504))
MAX_ATTEMPTS = 3
_FIRST_PAUSE_SECONDS = 0.2
_MAX_REDIRECTS = 3
# What is asked for through a unix socket needs a host name in HTTP; nobody looks it up.
_SOCKET_ORIGIN = "http://localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: any status, the declared type, at most the allowed number of bytes.

    ``url`` is where it came from in the end; ``location`` where a redirect points that was not followed;
    ``attempts`` how often was asked.
    """

    url: str
    status: int
    content_type: str
    body: bytes
    location: str = ""
    attempts: int = 1


@dataclass
class HttpClient:
    """A client for one target; use it as an async context manager.

    Redirects are followed within scheme, host and port, and for GET only: a service that is being examined
    does not choose which other host we talk to (and hand a token to). ``most`` bounds every answer,
    however much a caller allows. ``socket_path`` is the unix socket that ``unix://PATH`` URLs mean.
    """

    most: Limits = LOOSEST
    headers: Mapping[str, str] = field(default_factory=dict)
    connection: Connection = DIRECT
    socket_path: str | None = None
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpClient:
        import aiohttp  # noqa: PLC0415 - files need no HTTP, and it is slow to import

        authorization = self.connection.authorization
        self._session = aiohttp.ClientSession(
            connector=self._connector(),
            auto_decompress=False,
            headers={
                "Accept-Encoding": "identity",
                "User-Agent": "mapmedic",
                **({"Authorization": authorization} if authorization else {}),
                **self.headers,
            },
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(
        self, url: str, limits: Limits, headers: Mapping[str, str] | None = None, *, patient: bool = False
    ) -> Answer:
        """Return the answer to GET ``url`` whatever its status; TargetUnreachable where none came in time.

        ``patient`` asks again, twice at most and within the same deadline, where the connection failed or
        a proxy had nobody behind it (502, 503, 504).
        """
        limits = limits.within(self.most)
        clock = asyncio.get_running_loop().time
        ends, attempt = clock() + limits.seconds, 1
        async with _deadline(url, limits.seconds):
            while True:
                pause = _FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
                last = not patient or attempt == MAX_ATTEMPTS or clock() + 2 * pause >= ends
                try:
                    answer = await self._follow(url, limits, headers)
                except TargetUnreachable as error:
                    if last or not may_pass(error):
                        raise
                else:
                    if last or answer.status not in _PASSING:
                        return replace(answer, attempts=attempt)
                await asyncio.sleep(pause)
                attempt += 1

    async def request(
        self,
        method: str,
        url: str,
        limits: Limits,
        *,
        headers: Mapping[str, str] | None = None,
        json: object | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Return the answer whatever its status, asked once; TargetUnreachable where none came in time."""
        limits = limits.within(self.most)
        async with _deadline(url, limits.seconds):
            return await self._exchange(method, url, limits, headers, json, body)

    async def stream(
        self,
        url: str,
        seconds: float,
        idle_seconds: float,
        receive: Callable[[bytes], None],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Hand the body of GET ``url`` to ``receive`` as it comes and return the answer without it.

        Not bounded in bytes: it is never held, and ``receive`` may refuse. Any other status than 200 is an
        answer with its body. TargetUnreachable after ``seconds`` in all, or ``idle_seconds`` of silence.
        """
        async with _deadline(url, seconds):
            with in_our_words(url):
                async with self._opened("GET", url, headers, None) as response:
                    if response.status != 200:
                        return await _answer(response, url, _EXPLANATION_BYTES)
                    async for chunk in iter_body(response, url, idle_seconds):
                        receive(chunk)
                    return _head(response, url, b"")

    async def _follow(self, url: str, limits: Limits, headers: Mapping[str, str] | None) -> Answer:
        answer = await self._exchange("GET", url, limits, headers, None)
        for _ in range(_MAX_REDIRECTS):
            there = self._same_origin(answer)
            if there is None:
                break
            answer = await self._exchange("GET", there, limits, headers, None)
        return answer

    def _same_origin(self, answer: Answer) -> str | None:
        if not (300 <= answer.status < 400 and answer.location):
            return None
        here = self._wire_url(answer.url)
        try:
            there = urljoin(here, answer.location)
            same = urlsplit(there)[:2] == urlsplit(here)[:2]
        except ValueError:
            return None
        return self._shown_url(there) if same else None

    async def _exchange(
        self,
        method: str,
        url: str,
        limits: Limits,
        headers: Mapping[str, str] | None,
        json: object | None,
        body: bytes | None = None,
    ) -> Answer:
        # A file object is sent in pieces; the library warns of large bytes.
        data = None if body is None else io.BytesIO(body)
        with in_our_words(url):
            async with self._opened(method, url, headers, json, data) as response:
                return await _answer(response, url, limits.max_bytes)

    def _opened(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        json: object | None = None,
        data: io.BytesIO | None = None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("HttpClient is used outside its `async with`")
        import aiohttp  # noqa: PLC0415 - files need no HTTP, and it is slow to import

        return self._session.request(
            method, self._wire_url(url), headers=headers, json=json, data=data, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )  # fmt: skip

    def _connector(self) -> aiohttp.BaseConnector:
        import aiohttp  # noqa: PLC0415 - files need no HTTP, and it is slow to import

        if self.socket_path is not None:
            return aiohttp.UnixConnector(self.socket_path, limit=8)
        return aiohttp.TCPConnector(limit=8, ssl=tls_context(self.connection) or True)

    def _wire_url(self, url: str) -> str:
        prefix = f"unix://{self.socket_path}"
        return _SOCKET_ORIGIN + url.removeprefix(prefix) if self.socket_path is not None else url

    def _shown_url(self, url: str) -> str:
        prefix = f"unix://{self.socket_path}"
        return prefix + url.removeprefix(_SOCKET_ORIGIN) if self.socket_path is not None else url


async def _answer(response: aiohttp.ClientResponse, url: str, max_bytes: int) -> Answer:
    body = await read_body(response, url, max_bytes)
    return _head(response, url, body)


def _head(response: aiohttp.ClientResponse, url: str, body: bytes) -> Answer:
    headers = response.headers
    return Answer(url, response.status, headers.get("Content-Type", ""), body, headers.get("Location", ""))


@asynccontextmanager
async def _deadline(url: str, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TargetUnreachable(url, f"no complete answer within {seconds:g} s") from error
