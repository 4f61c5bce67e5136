"""Read the body of an answer within bounds, unpacked where a proxy packed it although nobody asked."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from mapmedic.errors import TargetUnreachable, UnexpectedAnswer

if TYPE_CHECKING:
    import aiohttp

_CHUNK_BYTES = 1 << 16
_STREAM_BYTES = 1 << 18
# Error pages explain themselves in their first lines.
_ERROR_BODY_BYTES = 1 << 14
# Profiles and metrics pack 5 to 30 times, bombs 1,000 times; small answers may be as even as they like.
_MAX_RATIO = 200
_EVEN_BYTES = 1 << 20


async def read_body(response: aiohttp.ClientResponse, url: str, max_bytes: int) -> bytes:
    """Return the body, of an error page its beginning.

    UnexpectedAnswer where it is larger than ``max_bytes`` (packed or unpacked) or packed in a way that
    is no gzip, TargetUnreachable where it broke off. A profile that is a gzip file itself, without
    saying so in Content-Encoding, stays as it is.
    """
    if response.status >= 400:
        return await _beginning(response, min(_ERROR_BODY_BYTES, max_bytes))
    too_large = UnexpectedAnswer(url, f"with a body larger than {max_bytes:,} bytes", response.status)
    if (response.content_length or 0) > max_bytes:
        raise too_large
    unpacker = _unpacker(response, url)
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += unpacker.feed(chunk, max_bytes + 1 - len(body)) if unpacker else chunk
        if len(body) > max_bytes:
            raise too_large
    if unpacker:
        unpacker.end()
    return bytes(body)


async def iter_body(response: aiohttp.ClientResponse, url: str, idle_seconds: float) -> AsyncIterator[bytes]:
    """Yield the body as it comes, unpacked, however long it is.

    TargetUnreachable after ``idle_seconds`` of silence or where it broke off, UnexpectedAnswer as above.
    """
    unpacker = _unpacker(response, url)
    chunks = response.content.iter_chunked(_STREAM_BYTES)
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                chunk = await anext(chunks, b"")
        except TimeoutError as error:
            raise TargetUnreachable(url, f"nothing came for {idle_seconds:g} s") from error
        if not chunk:
            break
        yield unpacker.feed(chunk, _MAX_RATIO * _STREAM_BYTES + _EVEN_BYTES) if unpacker else chunk
    if unpacker:
        unpacker.end()


async def _beginning(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) >= max_bytes:
            break
    return bytes(body[:max_bytes])


def _unpacker(response: aiohttp.ClientResponse, url: str) -> _Gunzip | None:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in ("gzip", "x-gzip"):
        raise UnexpectedAnswer(
            url, f"packed as {encoding[:40]!r}, which was not asked for and is not read", response.status
        )
    return _Gunzip(url, response.status)


class _Gunzip:
    """Unpacks one gzip member as it arrives, never more than it is allowed."""

    def __init__(self, url: str, status: int) -> None:
        self._url, self._status = url, status
        self._stream = zlib.decompressobj(wbits=31)
        self._packed = self._plain = 0

    def feed(self, chunk: bytes, most: int) -> bytes:
        """Return what ``chunk`` unpacks to, at most ``most`` bytes."""
        self._packed += len(chunk)
        try:
            plain = self._stream.decompress(chunk, most)
        except zlib.error as error:
            raise UnexpectedAnswer(
                self._url, "with a body that says gzip and is none", self._status
            ) from error
        self._plain += len(plain)
        if self._plain > _EVEN_BYTES and self._plain > _MAX_RATIO * self._packed:
            raise UnexpectedAnswer(
                self._url, f"with a gzip bomb: over {_MAX_RATIO} times its size when unpacked", self._status
            )
        return plain

    def end(self) -> None:
        """Raise where the stream is not at its end, though the body is."""
        if not self._stream.eof:
            raise TargetUnreachable(self._url, "the answer broke off in the middle")
