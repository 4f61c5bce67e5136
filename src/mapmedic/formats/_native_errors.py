"""What the native decoders raise, in the words of the house."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mapmedic import _native
from mapmedic.errors import FormatError

MAX_BYTES = 512 << 20
"""Default bound on the decompressed size of any input, in bytes."""


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Turn a native ``Malformed`` into a FormatError about ``what``."""
    try:
        yield
    except _native.Malformed as malformed:
        why, offset = malformed.args
        raise FormatError(what, why, offset) from None
