"""A goroutine dump in a file of its own, however long: grouped while it is read, never held."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path

from mapmedic.capture.files import open_regular
from mapmedic.errors import FormatError
from mapmedic.formats.goroutine_text import group_goroutines
from mapmedic.formats.sniff import sniff
from mapmedic.model.observation import Capture, Observation
from mapmedic.model.units import UnixNanoseconds

_CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


def observe_dump(path: Path) -> Observation | None:
    """Return the goroutines in the file at ``path``, None where it holds something else or is packed.

    CouldNotLook where it cannot be read, FormatError where it is a dump that does not parse.
    """
    with open_regular(path) as file:
        head = file.read(_CHUNK_BYTES)
        if head.startswith(_GZIP) or sniff(head) != "goroutine_text":
            return None
        at = UnixNanoseconds(os.fstat(file.fileno()).st_mtime_ns)
        try:
            dump = group_goroutines(chain([head], iter(lambda: file.read(_CHUNK_BYTES), b"")))
        except FormatError as error:
            raise FormatError(f"{path}: {error.what}", error.why, error.offset) from error
    capture = Capture(at, heap=None, goroutine_counts=None, goroutines=dump, registered_maps=None)
    return Observation(str(path), (capture,), (), (), go_version=None)
