"""Open what a user names as a file, without hanging on a pipe; make new ones that replace nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from mapmedic.errors import CannotRead, CannotWrite, OutputExists


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


def create_partial(path: Path, partial: Path, *, force: bool) -> BinaryIO:
    """Open ``partial`` for writing what will be ``path``; OutputExists where either is there, else CannotWrite."""
    try:
        if path.is_dir():
            raise CannotWrite(str(path), "it is a directory; name a file in it")
        if not force and os.path.lexists(path):
            raise OutputExists(str(path))
        if force:
            partial.unlink(missing_ok=True)
        # 0600: a heap profile names code, a command line may name secrets. O_EXCL: neither an earlier
        # run that was cut short nor a link that somebody laid there is written over.
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(partial, flags, 0o600), "wb")
    except FileExistsError as error:
        raise OutputExists(str(partial)) from error
    except (OSError, ValueError) as error:
        raise CannotWrite(str(path), getattr(error, "strerror", None) or str(error)) from error


def rename_to_new(partial: Path, path: Path) -> None:
    """Rename, unless somebody else made ``path`` in the meantime (rename alone would replace it)."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        raise
    except OSError:  # a filesystem without links
        if os.path.lexists(path):
            raise FileExistsError(str(path)) from None
        partial.replace(path)
    else:
        partial.unlink()


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in ``folder``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
