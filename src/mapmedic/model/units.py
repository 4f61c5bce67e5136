"""Units as types: a checker tells bytes from nanoseconds, and a reader need not guess."""

from __future__ import annotations

from typing import NewType

ByteCount = NewType("ByteCount", int)
UnixNanoseconds = NewType("UnixNanoseconds", int)

NANOSECONDS_PER_SECOND = 1_000_000_000
KIB = 1 << 10
MIB = 1 << 20
