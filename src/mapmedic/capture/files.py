"""Open what a user names as a file, without hanging on a pipe or drowning in a device."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from mapmedic.errors import CouldNotLook


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; CouldNotLook where it is none or cannot be read."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise CouldNotLook(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CouldNotLook(f"cannot read {path}: it is no regular file")
    return os.fdopen(descriptor, "rb")
