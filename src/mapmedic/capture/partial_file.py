"""A new file that replaces nothing and has its name only when it is whole: until then it is called ``.partial``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mapmedic.capture.files import sync_folder
from mapmedic.errors import CannotWrite, CouldNotLook, OutputExists


class PartialFile:
    """The file that will be ``path``; whoever writes to ``file`` does so within ``writing``.

    OutputExists where ``path`` or its ``.partial`` is there already and ``force`` is not given, CannotWrite where it
    cannot be made.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        self.path = path
        self.partial = Path(f"{path}.partial")
        self._force = force
        self.file = _create(path, self.partial, force=force)

    def finish(self) -> None:
        """Make the file durable and give it its name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        if self._force:
            self.partial.replace(self.path)
        else:
            _rename_to_new(self.partial, self.path)
        sync_folder(self.path.parent)

    def leave(self, *, keep: bool) -> None:
        """Close the file where it was not finished, and take it away unless what is in it is of use."""
        if self.file.closed:
            return
        with suppress(OSError):  # a full disk has been reported already, by what was written last
            self.file.close()
        if not keep:
            self.partial.unlink(missing_ok=True)

    @contextmanager
    def writing(self, *, kept: bool = False) -> Iterator[None]:
        """Turn what the disk says into OutputExists or CouldNotLook; ``kept``: what had arrived is of use."""
        try:
            yield
        except FileExistsError as error:
            raise OutputExists(str(self.path)) from error
        except OSError as error:
            rest = f"; what had arrived before is in {self.partial}" if kept else ""
            raise CouldNotLook(f"cannot write {self.partial}: {error.strerror or error}{rest}") from error


def _create(path: Path, partial: Path, *, force: bool) -> BinaryIO:
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


def _rename_to_new(partial: Path, path: Path) -> None:
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
