"""One bounded HTTP request: whole-request deadline, size cap, no redirects, no content decoding."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType

import aiohttp

from mapmedic.errors import TargetUnreachable, UnexpectedAnswer

_CHUNK_BYTES = 1 << 16
_STREAM_BYTES = 1 << 18
# Error pages explain themselves in their first lines.
_ERROR_BODY_BYTES = 1 << 14
# The library's words may quote what the target sent.
_REASON_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: any status, the declared type, at most the allowed number of bytes."""

    url: str
    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one request may take in all, and how many bytes it may bring."""

    seconds: float = 30.0
    max_bytes: int = 256 << 20

    def within(self, other: Limits) -> Limits:
        """Return the tighter of both, bound by bound."""
        return Limits(min(self.seconds, other.seconds), min(self.max_bytes, other.max_bytes))


LOOSEST = Limits(seconds=600.0, max_bytes=512 << 20)


@dataclass
class HttpClient:
    """A client for one target; use it as an async context manager.

    Redirects are answers, not orders: a service that is being examined does not choose which other
    host we talk to (and hand a token to). ``most`` bounds every answer, however much a caller allows.
    """

    most: Limits = LOOSEST
    headers: Mapping[str, str] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpClient:
        connector = aiohttp.TCPConnector(limit=8)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "mapmedic", **self.headers},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, url: str, limits: Limits, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to GET ``url`` whatever its status."""
        return await self.request("GET", url, limits, headers=headers)

    async def request(
        self,
        method: str,
        url: str,
        limits: Limits,
        *,
        headers: Mapping[str, str] | None = None,
        json: object | None = None,
    ) -> Answer:
        """Return the answer whatever its status; TargetUnreachable where none came in time."""
        limits = limits.within(self.most)
        async with _named_failures(url, limits.seconds):
            return await self._exchange(method, url, limits, headers, json)

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
        async with _named_failures(url, seconds), self._opened("GET", url, headers, None) as response:
            if response.status != 200:
                return await _answer(response, url, _ERROR_BODY_BYTES)
            chunks = response.content.iter_chunked(_STREAM_BYTES)
            while True:
                try:
                    async with asyncio.timeout(idle_seconds):
                        chunk = await anext(chunks, b"")
                except TimeoutError as error:
                    raise TargetUnreachable(url, f"nothing came for {idle_seconds:g} s") from error
                if not chunk:
                    return Answer(url, response.status, response.headers.get("Content-Type", ""), b"")
                receive(chunk)

    async def _exchange(
        self, method: str, url: str, limits: Limits, headers: Mapping[str, str] | None, json: object | None
    ) -> Answer:
        async with self._opened(method, url, headers, json) as response:
            return await _answer(response, url, limits.max_bytes)

    def _opened(
        self, method: str, url: str, headers: Mapping[str, str] | None, json: object | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("HttpClient is used outside its `async with`")
        return self._session.request(
            method, url, headers=headers, json=json, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )  # fmt: skip


async def _answer(response: aiohttp.ClientResponse, url: str, max_bytes: int) -> Answer:
    allowed = max_bytes if response.status < 400 else min(_ERROR_BODY_BYTES, max_bytes)
    body = await _read_bounded(response, url, allowed)
    return Answer(url, response.status, response.headers.get("Content-Type", ""), body)


@asynccontextmanager
async def _named_failures(url: str, seconds: float) -> AsyncIterator[None]:
    """Allow ``seconds``, and name every way in which the library can fail."""
    try:
        async with asyncio.timeout(seconds) as deadline:
            yield
    except TimeoutError as error:
        why = f"no complete answer within {seconds:g} s" if deadline.expired() else _reason(error)
        raise TargetUnreachable(url, why) from error
    except aiohttp.ClientPayloadError as error:
        raise TargetUnreachable(url, "the answer broke off in the middle") from error
    except aiohttp.ClientResponseError as error:
        raise UnexpectedAnswer(
            url, f"with something that is not HTTP: {_first_line(error.message)}"
        ) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise TargetUnreachable(url, _reason(error)) from error


def _reason(error: Exception) -> str:
    """Return the system's own words ("Connection refused") without the library's around them."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, ssl.SSLError):  # its errno is OpenSSL's, which the system's words do not fit
        return f"no TLS session ({cause.reason or cause}); is it plain http://?"
    number = cause.errno if isinstance(cause, OSError) else None
    if number is not None and number in errno.errorcode:
        return os.strerror(number)  # asyncio's own words ("Connect call failed …") repeat the address
    return getattr(cause, "strerror", None) or _first_line(str(error)) or type(error).__name__


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:_REASON_LETTERS]


async def _read_bounded(response: aiohttp.ClientResponse, url: str, max_bytes: int) -> bytes:
    too_large = UnexpectedAnswer(url, f"with a body larger than {max_bytes:,} bytes", response.status)
    is_error_page = response.status >= 400
    if not is_error_page and (response.content_length or 0) > max_bytes:
        raise too_large
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            if not is_error_page:
                raise too_large
            del body[max_bytes:]
            break
    return bytes(body)
