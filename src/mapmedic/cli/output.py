"""Where words go: results to stdout, talk and progress to stderr."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click

from mapmedic.errors import CannotWrite, OutputExists
from mapmedic.report.inert import inert

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

# A bar that flashes by is noise.
_SHOW_AFTER_SECONDS = 1.0


def console(*, stderr: bool = False) -> Console:
    """Return a console for stdout or stderr; NO_COLOR and pipes are obeyed by rich itself."""
    from rich.console import Console  # noqa: PLC0415 - rich costs 60 ms and --json needs none of it

    return Console(stderr=stderr, highlight=False)


def say(text: str) -> None:
    """Print one line of talk to stderr; words of the target in it do not move the cursor."""
    click.echo(inert(text), err=True)


def write_text(path: Path, text: str, *, force: bool) -> None:
    """Write ``text`` to ``path`` as UTF-8; errors as ``write_bytes``."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"), force=force)


def write_bytes(path: Path, data: bytes, *, force: bool) -> None:
    """Write ``data`` to ``path``; OutputExists where it is there already and ``force`` is not given."""
    try:
        with path.open("wb" if force else "xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise OutputExists(str(path)) from error
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def require_writable(path: Path, *, force: bool) -> None:
    """Raise what ``write_bytes`` would for ``path``, before minutes are spent on what goes into it."""
    try:
        if path.is_dir():
            raise CannotWrite(str(path), "it is a directory; name a file in it")
        if not force and os.path.lexists(path):
            raise OutputExists(str(path))
        if not os.access(path.parent, os.W_OK):
            path.parent.stat()
            raise CannotWrite(str(path), "its directory is not writable")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: Exception) -> CannotWrite:
    return CannotWrite(str(path), getattr(error, "strerror", None) or str(error))


class ProgressBar:
    """A progress bar on stderr for work over a second, if stderr is a terminal; call it with (what, share)."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def pause(self) -> None:
        """Take the bar away, so that a line can be said; the next call brings it back."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __call__(self, what: str, share: float) -> None:
        """Show ``what`` is being done and how far it is, 0..1."""
        if not sys.stderr.isatty() or time.monotonic() - self._started < _SHOW_AFTER_SECONDS:
            return
        if self._bar is None:
            self._start()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=what, completed=share)

    def _start(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

        self._bar = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(),
            console=console(stderr=True), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=1.0)
        self._bar.start()
