"""Open what a user names as a file, without hanging on a pipe; make the names in a folder durable."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from mapmedic.errors import CannotRead


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; CannotRead where it is none or cannot be read."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise CannotRead(str(path), getattr(error, "strerror", None) or str(error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CannotRead(str(path), "it is no regular file")
    return os.fdopen(descriptor, "rb")


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in ``folder``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
