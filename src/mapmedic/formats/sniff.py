"""Tell what a raw file holds."""

from __future__ import annotations

import re
import zlib
from typing import Literal

from mapmedic import _native

Kind = Literal[
    "empty",
    "heap_text",
    "heap_pprof",
    "pprof",
    "goroutine_text",
    "goroutine_text1",
    "metrics",
    "symbols",
    "trace",
    "gctrace",
    "elf",
    "html",
    "json",
    "unknown",
]

_HEAD_BYTES = 1 << 20
_MAX_BYTES = 512 << 20
_GZIP = b"\x1f\x8b"
_HEAP_KINDS = {"inuse_space", "alloc_space", "inuse_objects", "alloc_objects"}

_STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"heap profile:", "heap_text"),
    (b"goroutine profile: total", "goroutine_text1"),
    (b"num_symbols:", "symbols"),
    (b"\x7fELF", "elf"),
    (b"<", "html"),
    (b"{", "json"),
    (b"[", "json"),
)
# In the log of a service, behind whatever a collector of logs puts before each line, JSON included.
_GCTRACE = re.compile(rb"gc \d{1,10} @\d{1,10}\.\d{3}s \d{1,3}%[^\n%]{0,40}: [0-9.+]{3,60} ms clock")
# Bounded on purpose: nothing here can run over a line more than once.
_PATTERNS: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    (re.compile(rb"\Ago 1\.\d{1,2} trace\0"), "trace"),
    (re.compile(rb"^goroutine \d{1,19} [^\n]{0,200}\[[^\n]{1,4000}\]", re.M), "goroutine_text"),
    (_GCTRACE, "gctrace"),
    (re.compile(rb"^# (?:TYPE|HELP) [a-zA-Z_:]", re.M), "metrics"),
    (re.compile(rb"\A[a-zA-Z_:][\w:]{0,500}(?:\{[^\n]{0,4000}\})? [-+0-9.NI]"), "metrics"),
)


def sniff(data: bytes, *, max_bytes: int = _MAX_BYTES) -> Kind:
    """Return what ``data`` looks like, inside gzip too; ``unknown`` rather than an error.

    A pprof profile is ``heap_pprof`` when its values are a heap profile's.
    """
    if not data:
        return "empty"
    head = _head(data)
    return _text_kind(head) or _profile_kind(data, max_bytes)


def _head(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data[:_HEAD_BYTES]
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _HEAD_BYTES)
    except zlib.error:
        return b""


def _text_kind(head: bytes) -> Kind | None:
    text = head.lstrip(b" \t\r\n\xef\xbb\xbf")
    kind = next((kind for start, kind in _STARTS if text.startswith(start)), None)
    if kind == "json" and _GCTRACE.search(text):
        return "gctrace"
    return kind or next((kind for pattern, kind in _PATTERNS if pattern.search(text)), None)


def _profile_kind(data: bytes, max_bytes: int) -> Kind:
    try:
        kinds = set(_native.sample_kinds(data, max_bytes))
    except _native.Malformed:
        return "unknown"
    if not kinds:
        return "unknown"
    return "heap_pprof" if kinds & _HEAP_KINDS else "pprof"
